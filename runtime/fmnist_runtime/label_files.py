"""Files that name a model's classes: text, one name a line, in the order of the class numbers."""

from pathlib import Path

from fmnist_runtime.errors import DataError


def read(path: Path) -> tuple[str, ...]:
    """The class names in the UTF-8 file `path`, one a line. Raises DataError for an empty, repeated or odd name."""
    try:
        names = tuple(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); expected text with one class name a line") from error
    for number, name in enumerate(names, start=1):
        if not name.strip() or not name.isprintable():
            raise DataError(f"{path}: line {number} is {name!r}, expected a class name; one name a line")
    if len(set(names)) != len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: the class {repeated!r} stands there twice; give each class its own name")
    return names
