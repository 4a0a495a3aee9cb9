"""How a Keras model was trained: training.json in its folder, and the summary of it that the exported files contain.

The summary copies the record as fmnist-train wrote it, with all of its keys. Some parts are shortened:

    history, seconds   of each epoch    ->  epochs, seconds in total
    results            val_loss, ...    ->  held_out: measured on held-out training images; the last values of the
                                            history where the results have none
    teachers, start    path and digest  ->  the digest; the path is in the command
    data               digest of each   ->  one digest: the SHA-256 of the lines that sha256sum prints for the files,
                       file                 sorted by name
    versions                            ->  left out where they equal the export's, which the description has already
    settings                            ->  left out: the command has all of them as options
    model_sha256                        ->  left out: the description has it as keras_sha256
"""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fmnist_runtime.errors import FmnistError
from fmnist_runtime.model import description
from fmnist_runtime.system import reading
from fmnist_runtime.system.digests import sha256 as digest_of

# The name that fmnist-train gives it (fmnist_train.training.results.RECORD_FILE, which imports tensorflow).
RECORD_FILE = "training.json"
# The limits of a record and of its summary in a model file: the largest real ones take 100 KB and 3 KB.
MAXIMUM_BYTES = 16 * 2**20
MAXIMUM_SUMMARY_BYTES = 2**18
# Keras puts this before the name of a metric that was measured on held-out images.
_HELD_OUT = "val_"


def read(model: Path, sha256: str, say: Callable[[str], None]) -> dict[str, Any] | None:
    """The record in the folder of the file `model`, where it belongs to the model with digest `sha256`; else None.

    `say` gets a line where a record exists and is ignored: it cannot be read, is larger than MAXIMUM_BYTES, or belongs
    to another model.
    """
    path = model.with_name(RECORD_FILE)
    if not os.path.lexists(path):
        return None
    consequence = f"so the files will not record how {model.name} was trained"
    try:
        record = _parse(reading.read_file(path, MAXIMUM_BYTES, "the record of fmnist-train"))
    except (FmnistError, ValueError) as error:
        say(f"warning: {path} cannot be read ({error}), {consequence}")
        return None
    stated = record.get("model_sha256") if isinstance(record, dict) else None
    if not isinstance(record, dict) or stated != sha256:
        found = f"{stated[:12]}…" if isinstance(stated, str) else ascii(stated)[:20]
        say(f"warning: {path} is the record of another model ({found}, {model.name} is {sha256[:12]}…), {consequence}")
        return None
    return record


def summary_for_file(
    record: dict[str, Any], versions: dict[str, str], say: Callable[[str], None]
) -> dict[str, Any] | None:
    """The summary of `record` for a model file; None, and a line to `say`, where it is too large for one."""
    summary = summarize(record, versions)
    size = len(json.dumps(summary))
    if size > MAXIMUM_SUMMARY_BYTES:
        say(
            f"warning: the summary of {RECORD_FILE} takes {size:,} bytes, expected at most {MAXIMUM_SUMMARY_BYTES:,}, "
            f"so the files will not record how the model was trained"
        )
        return None
    return summary


def summarize(record: dict[str, Any], versions: dict[str, str]) -> dict[str, Any]:
    """`record` with totals in place of the lists of all epochs, and without what the file states elsewhere.

    `versions` are those of the packages that export the model.
    """
    left_out = ["model_sha256", "history", "seconds"]
    left_out += ["settings"] if "command" in record else []
    left_out += ["versions"] if record.get("versions") == versions else []
    summary = {name: value for name, value in record.items() if name not in left_out}
    if isinstance(teachers := summary.get("teachers"), list):
        summary["teachers"] = [_digest(teacher) for teacher in teachers]
    if "start" in summary:
        summary["start"] = _digest(summary["start"])
    if "data" in summary:
        summary["data"] = _one_digest(summary["data"])
    seconds = record.get("seconds")
    if isinstance(seconds, list) and all(map(_is_duration, seconds)):
        summary |= {"epochs": len(seconds), "seconds": round(sum(seconds), 1)}
    elif seconds is not None:
        summary["seconds"] = seconds
    history, results = record.get("history"), record.get("results")
    figures: dict[str, Any] = {}
    if isinstance(history, dict):
        figures |= {name: values[-1] for name, values in history.items() if isinstance(values, list) and values}
    if isinstance(results, dict):
        figures |= results
        summary["results"] = {name: value for name, value in results.items() if not name.startswith(_HELD_OUT)}
    held_out = {name.removeprefix(_HELD_OUT): figures[name] for name in figures if name.startswith(_HELD_OUT)}
    return {**summary, "held_out": held_out} if held_out else summary


def _parse(content: bytes) -> Any:
    """The JSON in `content`, with null for numbers that are not finite. Raises ValueError where it is too deep."""
    try:
        record = json.loads(content, parse_constant=lambda _: None, parse_float=_finite)
    except (RecursionError, MemoryError) as error:
        raise ValueError(f"{type(error).__name__}: nested too deep or too large") from error
    if not description.is_shallow(record, description.MAXIMUM_DEPTH - 1):
        raise ValueError(f"nested more than {description.MAXIMUM_DEPTH - 1} deep")
    return record


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _is_duration(value: object) -> bool:
    # No epoch takes as long as this, and sums of such numbers stay finite.
    return isinstance(value, int | float) and abs(value) < 1e12


def _one_digest(data: object) -> object:
    if not isinstance(data, dict) or not isinstance(digests := data.get("sha256"), dict):
        return data
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    return {**data, "sha256": digest_of("".join(lines).encode(errors="backslashreplace"))}


def _digest(model: object) -> object:
    return model.get("model_sha256", model) if isinstance(model, dict) else model
