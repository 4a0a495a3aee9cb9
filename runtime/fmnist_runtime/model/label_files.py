"""Files that name a model's classes: text, one name a line, in the order of the class numbers.

Accepted as editors and other tools write them: UTF-8, UTF-16 or UTF-32 with a byte order mark, or UTF-8 without one;
any line endings; blanks around a name and blank lines at the end; every line numbered in order, "0 name" or "1: name".

The limits are those of the labels in a model file. Names inside a model file are read in
fmnist_runtime.model.appended_zip and metadata_labels.
"""

import codecs
import re
from pathlib import Path

from fmnist_runtime.errors import LabelsError
from fmnist_runtime.model.appended_zip import MAXIMUM_LABEL_LENGTH, MAXIMUM_LABELS, MAXIMUM_LABELS_BYTES
from fmnist_runtime.system import reading

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NUMBERED = re.compile(r"([0-9]{1,5})(?:\s*[:.,;=)-]\s*|\s+)(\S.*)")


def read(path: Path) -> tuple[str, ...]:
    """The class names in the text file `path`, one a line; numbers before them are dropped where all are in order.

    Raises LabelsError for a file that is not text, too large or empty, and for an empty, repeated or unprintable name.
    """
    names = [line.strip() for line in _text(path).splitlines()]
    while names and not names[-1]:
        names.pop()
    if not 0 < len(names) <= MAXIMUM_LABELS:
        raise LabelsError(f"{path}: {len(names):,} lines, expected 1 to {MAXIMUM_LABELS:,} with one class name each")
    names = _without_numbers(names)
    for number, name in enumerate(names, start=1):
        if not name or not name.isprintable() or len(name) > MAXIMUM_LABEL_LENGTH:
            raise LabelsError(
                f"{path}: line {number} is {ascii(name)[:60]}, expected a class name of 1 to {MAXIMUM_LABEL_LENGTH:,} "
                f"printable characters; one name a line"
            )
    if len(set(names)) != len(names):
        repeated = next(name for name, other in zip(sorted(names), sorted(names)[1:], strict=False) if name == other)
        raise LabelsError(f"{path}: the class {repeated[:60]!r} appears twice; give each class its own name")
    return tuple(names)


def _text(path: Path) -> str:
    try:
        # A pipe is allowed, such as a shell's <(...); the limit ends the reading of an endless one.
        with path.open("rb") as file:
            content = file.read(MAXIMUM_LABELS_BYTES + 1)
    except (OSError, ValueError) as error:
        raise LabelsError(
            f"{path}: cannot be read ({reading.error_text(error)}); expected text with one class name a line"
        ) from error
    if len(content) > MAXIMUM_LABELS_BYTES:
        raise LabelsError(f"{path}: more than {MAXIMUM_LABELS_BYTES:,} bytes, expected text with one class name a line")
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise LabelsError(
            f"{path}: cannot be read as {encoding} ({error.reason} at byte {error.start}), expected text with one "
            f"class name a line; save it as UTF-8"
        ) from error


def _without_numbers(names: list[str]) -> list[str]:
    """The names without leading numbers, if every line has one and they count from 0 or 1; else unchanged."""
    found = [_NUMBERED.fullmatch(name) for name in names]
    numbers = [int(match[1]) for match in found if match]
    if len(names) > 1 and numbers in (list(range(len(names))), list(range(1, len(names) + 1))):
        return [match[2] for match in found if match]
    return names
