"""The record of a checkpoint: its model file, its settings, and the progress of the training. Imports no Keras.

The record holds the digest of the model file and one of itself, so that a damaged or edited checkpoint is noticed
before Keras reads it, and a training resumes as it was begun.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fmnist_keras.messages import one_line
from fmnist_runtime.errors import TrainingError
from fmnist_runtime.system.digests import sha256
from fmnist_train.models import record_files
from fmnist_train.models.settings import TrainingSettings, from_document

NAME = "checkpoint.json"
SCHEMA = 1
START_OVER = "remove it and the checkpoint-N.keras beside it, and train again without --resume"
_KEYS = {"schema", "model", "model_sha256", "settings", "sources", "progress", "sha256"}
_MODEL = re.compile(r"checkpoint-([0-9]{1,9})\.keras")


@dataclass
class Progress:
    """The finished epochs: Keras's history, with one number an epoch, and the seconds that each epoch took."""

    history: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        return len(self.seconds)


@dataclass(frozen=True)
class Checkpoint:
    """The content of the record of a checkpoint.

    `model` is the name of the model file. `sources` holds the digest of each file that decides the weights besides the
    data, by its path.
    """

    model: str
    model_sha256: str
    settings: TrainingSettings
    sources: dict[str, str]
    progress: Progress


def read(folder: Path) -> Checkpoint:
    """The record of the checkpoint in `folder`.

    Raises TrainingError where there is none, or where it is damaged, edited or of another version.
    """
    path = folder / NAME
    try:
        record = record_files.read(path, START_OVER)
    except FileNotFoundError as error:
        raise TrainingError(f"{folder}: no checkpoint to resume from; train without --resume") from error
    _check_version(path, record)
    try:
        if record.pop("sha256") != _digest(record):
            raise ValueError("damaged or edited: its digest does not match its content")
        settings, progress = from_document(record["settings"]), _progress(**record["progress"])
        if not _MODEL.fullmatch(record["model"]) or record["model"] != model_name(progress.epochs):
            raise ValueError(f"it names the model {str(record['model'])[:40]!r}")
        if not all(isinstance(digest, str) for digest in (record["model_sha256"], *record["sources"].values())):
            raise ValueError("a digest in it is not text")
        return Checkpoint(record["model"], record["model_sha256"], settings, dict(record["sources"]), progress)
    except Exception as error:  # whatever somebody wrote there, with its digest
        raise TrainingError(f"{path}: not as fmnist-train writes it ({one_line(error)}); {START_OVER}") from error


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """The record as JSON, with its digest: what `read` reads."""
    # As JSON gives it back: with lists for tuples, and null for NaN and infinities.
    record = json.loads(record_files.to_bytes({"schema": SCHEMA, **asdict(checkpoint)}))
    return record_files.to_bytes({**record, "sha256": _digest(record)})


def check_free(folder: Path) -> None:
    """Raise TrainingError where a new checkpoint would overwrite a file that fmnist-train did not write."""
    ours = None
    if (folder / NAME).exists():
        ours = folder / read(folder).model
    for path in sorted(folder.glob("checkpoint-*.keras")):
        if _MODEL.fullmatch(path.name) and path != ours:
            raise TrainingError(
                f"{path}: would be overwritten, but no record shows that fmnist-train wrote it; move it away, or "
                f"choose another folder with -o"
            )


def remove(folder: Path) -> None:
    """Remove the checkpoint in `folder`, if there is one: the record and the model file that it names."""
    if model := model_path(folder):
        (folder / NAME).unlink(missing_ok=True)
        model.unlink(missing_ok=True)


def finished_epochs(folder: Path) -> int:
    """How many epochs the checkpoint in `folder` holds; 0 without one."""
    try:
        return read(folder).progress.epochs
    except TrainingError:
        return 0


def model_name(epochs: int) -> str:
    """The name of the model file after `epochs` epochs."""
    return f"checkpoint-{epochs}.keras"


def model_path(folder: Path) -> Path | None:
    """The model file that the record in `folder` names; None where there is no record, or a damaged one."""
    try:
        return folder / read(folder).model
    except TrainingError:
        return None


def _check_version(path: Path, record: Mapping[str, Any]) -> None:
    schema, unknown = record.get("schema"), sorted(str(name)[:40] for name in record.keys() - _KEYS)
    newer = isinstance(schema, int) and schema > SCHEMA
    if newer or (unknown and schema == SCHEMA):
        found = f"schema {schema}" if newer else f"the unknown key {unknown[0]!r}"
        raise TrainingError(
            f"{path}: written by a newer fmnist-edge ({found}, this one reads schema {SCHEMA}); resume with that one, "
            f"or {START_OVER}"
        )
    if schema != SCHEMA or record.keys() != _KEYS:
        missing = sorted(_KEYS - record.keys())
        found = f"it lacks {missing[0]}" if missing else f"its schema is {str(schema)[:40]!r}"
        raise TrainingError(f"{path}: damaged, edited or written by an older fmnist-edge ({found}); {START_OVER}")


def _progress(history: Any, seconds: Any) -> Progress:
    for name, values in {**history, "seconds": seconds}.items():
        if not isinstance(values, list) or len(values) > len(seconds):
            raise ValueError(f"{str(name)[:40]} is not a list with one number an epoch")
        if not all(value is None or type(value) in (int, float) for value in values):
            raise ValueError(f"{str(name)[:40]} holds other things than numbers")
    return Progress(dict(history), [float(value) for value in seconds])


def _digest(record: Mapping[str, Any]) -> str:
    return sha256(json.dumps(record, sort_keys=True, separators=(",", ":")).encode())
