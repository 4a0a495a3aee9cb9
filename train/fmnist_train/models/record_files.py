"""The JSON files that a training writes and reads again: of limited size, and a TrainingError whatever they hold."""

import json
from pathlib import Path
from typing import Any

from fmnist_keras.messages import one_line
from fmnist_runtime.errors import TrainingError

# 4 numbers for each of 100,000 epochs; a longer file is not a record of fmnist-train.
_MOST_BYTES = 16 << 20


def read(path: Path, way_out: str) -> dict[str, Any]:
    """The JSON object in `path`, of 16 MiB at most.

    Raises FileNotFoundError, and TrainingError, whose message ends with `way_out`, for anything but a record.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is not a file")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError(f"it is longer than {_MOST_BYTES >> 20} MiB")
        document = json.loads(content)
        if not isinstance(document, dict):
            raise ValueError(f"it holds a {type(document).__name__}, expected an object")
    except FileNotFoundError:
        raise
    except Exception as error:  # json raises other errors for deep nesting and long numbers
        raise TrainingError(
            f"{path}: damaged, or not a record of fmnist-train ({one_line(error)}); {way_out}"
        ) from error
    return document


def to_bytes(document: dict[str, Any]) -> bytes:
    """`document` as JSON, one value a line. Numbers that JSON lacks (NaN, infinities) become null."""
    return (json.dumps(_finite(document), indent=1, allow_nan=False) + "\n").encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
