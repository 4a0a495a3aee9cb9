"""How a Keras model was trained, for the description of the files made from it: what training.json beside it says.

The record is copied as fmnist-train wrote it, whatever keys it has, with some parts made short:

    history, seconds   of each epoch    ->  epochs, seconds in all
    results            val_loss, ...    ->  held_out: what was measured on held-out training images; in a record whose
                                            results don't say it, the last values of the history
    teachers, start    path and digest  ->  the digest; the path is in the command
    data               digest of each   ->  one digest: the SHA-256 of what sha256sum prints of the files, in the order
                       file                 of their names
    versions                            ->  left out where the export's are the same, which the description says, too
    settings                            ->  left out: the command has them all as options
    model_sha256                        ->  left out: the description says it as keras_sha256
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

# What fmnist-train calls it (fmnist_train.training.results.RECORD_FILE, which imports tensorflow).
RECORD_FILE = "training.json"
# What is read at the most, and what a model file has room for: the largest real ones take 100 KB and 3 KB.
MAXIMUM_BYTES = 16 * 2**20
MAXIMUM_SHORT = 2**18
# Keras puts this before the name of a figure that was measured on held-out images.
_HELD_OUT = "val_"


def beside(model: Path, sha256: str, say: Callable[[str], None]) -> dict[str, Any] | None:
    """The record beside the file `model`; None where there is none that belongs to its digest `sha256`.

    `say` gets a line where a record is there and left out: one that cannot be read, is larger than MAXIMUM_BYTES, or is
    another's.
    """
    path = model.with_name(RECORD_FILE)
    if not os.path.lexists(path):
        return None
    lost = f"so the files will not say how {model.name} was trained"
    try:
        record = _parse(reading.read_file(path, MAXIMUM_BYTES, "the record of fmnist-train"))
    except (FmnistError, ValueError) as error:
        say(f"warning: {path} cannot be read ({error}), {lost}")
        return None
    stated = record.get("model_sha256") if isinstance(record, dict) else None
    if not isinstance(record, dict) or stated != sha256:
        found = f"{stated[:12]}…" if isinstance(stated, str) else ascii(stated)[:20]
        say(f"warning: {path} is the record of another model ({found}, {model.name} is {sha256[:12]}…), {lost}")
        return None
    return record


def described(record: dict[str, Any], versions: dict[str, str], say: Callable[[str], None]) -> dict[str, Any] | None:
    """`record` as a model file holds it (see `shorten`); None, and a line to `say`, where it is too large for one."""
    short = shorten(record, versions)
    size = len(json.dumps(short))
    if size > MAXIMUM_SHORT:
        say(
            f"warning: {RECORD_FILE} takes {size:,} bytes made short, of which a file has room for {MAXIMUM_SHORT:,}, "
            f"so the files will not say how the model was trained"
        )
        return None
    return short


def _parse(content: bytes) -> Any:
    """The JSON in `content`, null for numbers that are not finite. Raises ValueError where it is none or too deep."""
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


def shorten(record: dict[str, Any], versions: dict[str, str]) -> dict[str, Any]:
    """`record` with numbers in place of the lists of each epoch, and without what is said elsewhere.

    `versions` are those of the packages that export the model.
    """
    left_out = ["model_sha256", "history", "seconds"]
    left_out += ["settings"] if "command" in record else []
    left_out += ["versions"] if record.get("versions") == versions else []
    kept = {name: value for name, value in record.items() if name not in left_out}
    if isinstance(teachers := kept.get("teachers"), list):
        kept["teachers"] = [_digest(teacher) for teacher in teachers]
    if "start" in kept:
        kept["start"] = _digest(kept["start"])
    if "data" in kept:
        kept["data"] = _one_digest(kept["data"])
    seconds = record.get("seconds")
    if isinstance(seconds, list) and all(map(_is_duration, seconds)):
        kept |= {"epochs": len(seconds), "seconds": round(sum(seconds), 1)}
    elif seconds is not None:
        kept["seconds"] = seconds
    history, results = record.get("history"), record.get("results")
    figures: dict[str, Any] = {}
    if isinstance(history, dict):
        figures |= {name: values[-1] for name, values in history.items() if isinstance(values, list) and values}
    if isinstance(results, dict):
        figures |= results
        kept["results"] = {name: value for name, value in results.items() if not name.startswith(_HELD_OUT)}
    held_out = {name.removeprefix(_HELD_OUT): figures[name] for name in figures if name.startswith(_HELD_OUT)}
    return {**kept, "held_out": held_out} if held_out else kept


def _is_duration(value: object) -> bool:
    # Beyond that, no epoch took as long; and sums of such numbers stay finite.
    return isinstance(value, int | float) and abs(value) < 1e12


def _one_digest(data: object) -> object:
    if not isinstance(data, dict) or not isinstance(digests := data.get("sha256"), dict):
        return data
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    return {**data, "sha256": digest_of("".join(lines).encode(errors="backslashreplace"))}


def _digest(model: object) -> object:
    return model.get("model_sha256", model) if isinstance(model, dict) else model
