"""The names of a model's classes: those that a person gives, or the data set's."""

from collections.abc import Callable

from fmnist_runtime.data.idx_folder import DataSet
from fmnist_runtime.errors import ExportError


def of(count: int, dataset: DataSet, names: tuple[str, ...] | None, say: Callable[[str], None]) -> tuple[str, ...]:
    """`names` for the `count` classes of a model, or without them those of `dataset`; "class 3" where nobody names it.

    Raises ExportError where the numbers of classes differ.
    """
    if names is not None and count != len(names):
        raise ExportError(f"--labels has {len(names)} names, expected one for each of the model's {count} classes")
    if count < dataset.classes or (dataset.class_names and names is None and count != dataset.classes):
        raise ExportError(
            f"the model has {count} classes, {dataset.name} {dataset.classes}; name the model's images with --data DIR "
            f"and its classes with --labels FILE"
        )
    if names is None and dataset.class_names is None:
        say(
            f"nothing names the classes of {dataset.name}: they are called class 0 to class {count - 1} (--labels FILE)"
        )
    return names or dataset.class_names or tuple(f"class {number}" for number in range(count))
