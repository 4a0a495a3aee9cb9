"""The names of a model's classes: those that the user gives, or the data set's."""

from collections.abc import Callable

from fmnist_runtime.data.dataset import Dataset
from fmnist_runtime.errors import ExportError


def resolve(count: int, dataset: Dataset, names: tuple[str, ...] | None, say: Callable[[str], None]) -> tuple[str, ...]:
    """The names of the `count` classes of a model: `names` (--labels), else those of `dataset`, else "class 0", ...

    Raises ExportError where the numbers of classes differ.
    """
    if names is not None and count != len(names):
        raise ExportError(f"--labels has {len(names)} names, expected one for each of the model's {count} classes")
    if count < dataset.classes or (dataset.class_names and names is None and count != dataset.classes):
        raise ExportError(
            f"the model has {count} classes, {dataset.name} {dataset.classes}; give the model's images with --data DIR "
            f"and its classes with --labels FILE"
        )
    if names is None and dataset.class_names is None:
        say(f"{dataset.name} has no class names: using class 0 to class {count - 1}; name them with --labels FILE")
    return names or dataset.class_names or tuple(f"class {number}" for number in range(count))
