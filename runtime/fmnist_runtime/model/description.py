"""What fmnist.json, the description in a model file, may say; checked once, where it is read.

Readers of a description rely on this: a key of the rules below is absent or has a value of its kind. Any other key
passes, whatever its value: a newer fmnist-edge may have written it.

A digest inside the file shows damage. It does not show who wrote the file: a person who edits it can compute the digest
again (docs/model-file.md).
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any

from fmnist_runtime.errors import DescriptionError, PixelRangeError
from fmnist_runtime.images import pixel_range

# Rises when a reader of the old schema would misunderstand a file; not for a key that it may ignore.
SCHEMA = 1
# The largest description that is read; those of fmnist-export take some 4 KB.
MAXIMUM_BYTES = 2**20
MAXIMUM_DEPTH = 32
_MAXIMUM_TEXT = 1000
_MAXIMUM_COUNT = 2**48
# Answers are recorded in 16 bits.
_CLASSES = 2**16

_DIGEST = re.compile("[0-9a-f]{64}")
# Golden image and class, such as "3:7 15:2".
_PAIRS = re.compile(r"(\d{1,9}:\d{1,5}( \d{1,9}:\d{1,5})*)?")

# What a value should be, in words, and the check of it.
_Kind = tuple[str, Callable[[Any], bool]]


def parse(content: bytes) -> dict[str, Any]:
    """The description in the JSON text `content`, its values not checked yet. Raises DescriptionError."""
    if len(content) > MAXIMUM_BYTES:
        raise DescriptionError(f"the description has more than {MAXIMUM_BYTES:,} bytes")
    try:
        description = json.loads(content)
    except (ValueError, RecursionError, MemoryError) as error:
        raise DescriptionError("the description after the model cannot be read") from error
    if not isinstance(description, dict) or not isinstance(description.get("flatbuffer"), dict):
        raise DescriptionError("the description after the model cannot be read")
    if not is_shallow(description, MAXIMUM_DEPTH):
        raise DescriptionError(f"the description is nested more than {MAXIMUM_DEPTH} deep")
    return description


def check(description: dict[str, Any]) -> None:
    """Check that the keys of the rules below have values of their kinds. Raises DescriptionError."""
    _check(description, _RULES, "")
    for number, proof in enumerate(description.get("proofs", [])):
        _check_golden(proof.get("golden", {}), f"proofs[{number}].golden")


def is_shallow(value: Any, depth: int) -> bool:
    """Whether lists and objects in the JSON value `value` are nested no more than `depth` deep."""
    if not isinstance(value, dict | list):
        return True
    items = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(is_shallow(item, depth - 1) for item in items)


def _check_golden(golden: dict[str, Any], place: str) -> None:
    """Check that the recorded answers belong to existing images, and that no more images disagree than there are."""
    images = golden.get("images", 0)
    if golden.get("disagreements", 0) > images:
        raise _unexpected(f"{place}.disagreements", golden["disagreements"], f"at most its {images} images")
    for pair in golden.get("otherwise", "").split():
        image, answer = map(int, pair.split(":"))
        if image >= images or answer >= _CLASSES:
            raise _unexpected(f"{place}.otherwise", pair, f"an image below {images} and a class below {_CLASSES}")


def _check(found: dict[str, Any], rules: dict[str, Any], place: str) -> None:
    for key, rule in rules.items():
        if key in found:
            _check_value(found[key], rule, f"{place}{key}")


def _check_value(value: Any, rule: Any, place: str) -> None:
    if isinstance(rule, dict):
        if not isinstance(value, dict):
            raise _unexpected(place, value, f"an object with {', '.join(rule)}")
        _check(value, rule, f"{place}.")
    elif isinstance(rule, list):
        if not isinstance(value, list):
            raise _unexpected(place, value, "a list")
        for number, item in enumerate(value):
            _check_value(item, rule[0], f"{place}[{number}]")
    elif not rule[1](value):
        raise _unexpected(place, value, rule[0])


def _unexpected(place: str, value: Any, expected: str) -> DescriptionError:
    # ascii: the value may hold control characters. A number may have too many digits for repr.
    try:
        text = ascii(value)
    except ValueError:
        text = "a number of thousands of digits"
    return DescriptionError(f"its description says {place} is {text[:60]}, expected {expected}")


def _is_integer(value: Any) -> bool:
    return type(value) is int and -_MAXIMUM_COUNT < value < _MAXIMUM_COUNT


def _is_number(value: Any) -> bool:
    return _is_integer(value) or (type(value) is float and math.isfinite(value))


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= _MAXIMUM_TEXT


def _is_range(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
        return False
    try:
        pixel_range.create(value[0], value[1], "")
    except PixelRangeError:
        return False
    return True


def _or_null(kind: _Kind) -> _Kind:
    return f"{kind[0]} or null", lambda value: value is None or kind[1](value)


_TEXT: _Kind = "a printable text", _is_text
_COUNT: _Kind = "a whole number from 0", lambda value: _is_integer(value) and value >= 0
_INTEGER: _Kind = "a whole number", _is_integer
_NUMBER: _Kind = "a finite number", _is_number
_SHARE: _Kind = "a share from 0 to 1", _is_share
_SHA256: _Kind = (
    "a SHA-256 of 64 hexadecimal digits",
    lambda value: isinstance(value, str) and bool(_DIGEST.fullmatch(value)),
)
_ANSWERS: _Kind = (
    'pairs of image and class such as "3:7 15:2"',
    lambda value: isinstance(value, str) and bool(_PAIRS.fullmatch(value)),
)
_OBJECT: _Kind = "an object", lambda value: isinstance(value, dict)
_RANGE: _Kind = "the range of the pixels, two different finite numbers", _is_range

_TENSOR = {"shape": [_COUNT], "dtype": _TEXT, "scale": _or_null(_NUMBER), "zero_point": _or_null(_INTEGER)}
# A dictionary holds the rules for the keys of an object, a list the one rule for the items of a list.
_RULES: dict[str, Any] = {
    "schema": _COUNT,
    "flatbuffer": {"bytes": _COUNT, "sha256": _SHA256},
    "labels_sha256": _SHA256,
    "operators": [{"name": _TEXT, "version": _INTEGER}],
    "precision": _TEXT,
    "input": {"range": _RANGE, "pixels": _TEXT, "range_reason": _TEXT, **_TENSOR},
    "output": {"kind": _TEXT, **_TENSOR},
    "calibration": _or_null(_OBJECT),
    "keras_sha256": _SHA256,
    "proofs": [
        {
            "runtime": _TEXT,
            "version": _TEXT,
            "images": _COUNT,
            "agreement": _SHARE,
            "accuracy": _or_null(_SHARE),
            "keras_accuracy": _or_null(_SHARE),
            "ties": _COUNT,
            "answers_sha256": _SHA256,
            "golden": {"images": _COUNT, "disagreements": _COUNT, "otherwise": _ANSWERS},
        }
    ],
    "training": _OBJECT,
    "versions": _OBJECT,
}
