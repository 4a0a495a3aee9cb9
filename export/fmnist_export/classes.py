"""The names of a model's classes: the data set's, or those of a file with one name a line."""

from pathlib import Path

from fmnist_runtime.errors import ExportError
from fmnist_runtime.labels import CLASS_NAMES


def read(path: Path) -> tuple[str, ...]:
    """The class names in the UTF-8 file `path`, one a line. Raises ExportError for an empty, repeated or odd name."""
    try:
        names = tuple(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{path}: cannot be read ({error}); expected text with one class name a line") from error
    for number, name in enumerate(names, start=1):
        if not name.strip() or not name.isprintable():
            raise ExportError(f"{path}: line {number} is {name!r}, expected a class name; one name a line")
    if len(set(names)) != len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise ExportError(f"{path}: the class {repeated!r} stands there twice; give each class its own name")
    return names


def of(count: int, names: tuple[str, ...] | None) -> tuple[str, ...]:
    """`names` if they are `count`, or without them the data set's. Raises ExportError where the numbers differ."""
    if names is None and count != len(CLASS_NAMES):
        raise ExportError(
            f"the model has {count} classes, Fashion-MNIST {len(CLASS_NAMES)}; name the model's with --labels FILE"
        )
    if names is not None and count != len(names):
        raise ExportError(f"--labels has {len(names)} names, expected one for each of the model's {count} classes")
    return names or CLASS_NAMES
