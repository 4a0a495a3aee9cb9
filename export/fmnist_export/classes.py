"""The names of a model's classes: the data set's, or those that a person gives."""

from fmnist_runtime.errors import ExportError
from fmnist_runtime.labels import CLASS_NAMES


def of(count: int, names: tuple[str, ...] | None) -> tuple[str, ...]:
    """`names` if they are `count`, or without them the data set's. Raises ExportError where the numbers differ."""
    if names is None and count != len(CLASS_NAMES):
        raise ExportError(
            f"the model has {count} classes, Fashion-MNIST {len(CLASS_NAMES)}; name the model's with --labels FILE"
        )
    if names is not None and count != len(names):
        raise ExportError(f"--labels has {len(names)} names, expected one for each of the model's {count} classes")
    return names or CLASS_NAMES
