"""The record of a checkpoint: which model is kept, how it was trained so far, and by which settings. Imports no Keras.

The record holds the digest of the model's file and one of itself, so that a damaged or edited checkpoint is noticed
before Keras reads it, and a training that goes on is the one that was begun.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fmnist_keras.messages import one_line
from fmnist_runtime.errors import TrainingError
from fmnist_runtime.system.atomic import sha256
from fmnist_train.models import records
from fmnist_train.models.recipes import Settings, from_document

NAME = "checkpoint.json"
SCHEMA = 1
ANEW = "remove it and the checkpoint-N.keras beside it, and train anew without --resume"
_KEYS = {"schema", "model", "model_sha256", "settings", "sources", "progress", "sha256"}
_MODEL = re.compile(r"checkpoint-([0-9]{1,9})\.keras")


@dataclass
class Progress:
    """What has been done: Keras's history, one number an epoch, and the seconds that the epochs took."""

    history: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        return len(self.seconds)


@dataclass(frozen=True)
class Checkpoint:
    """What the record of a checkpoint says.

    `model` is the name of the model's file; `sources` are the digests of the files that decide the weights besides the
    data, by their paths.
    """

    model: str
    model_sha256: str
    settings: Settings
    sources: dict[str, str]
    progress: Progress


def read(folder: Path) -> Checkpoint:
    """What the record of the checkpoint in `folder` says.

    Raises TrainingError where there is none, or one that is damaged, edited or of another version.
    """
    path = folder / NAME
    try:
        record = records.read(path, ANEW)
    except FileNotFoundError as error:
        raise TrainingError(f"{folder}: no checkpoint to resume from; train without --resume") from error
    _check_version(path, record)
    try:
        if record.pop("sha256") != _digest(record):
            raise ValueError("damaged or edited: its digest is another than it says")
        settings, progress = from_document(record["settings"]), _progress(**record["progress"])
        if not _MODEL.fullmatch(record["model"]) or record["model"] != model_name(progress.epochs):
            raise ValueError(f"it names the model {str(record['model'])[:40]!r}")
        if not all(isinstance(digest, str) for digest in (record["model_sha256"], *record["sources"].values())):
            raise ValueError("its digests are none")
        return Checkpoint(record["model"], record["model_sha256"], settings, dict(record["sources"]), progress)
    except Exception as error:  # whatever somebody wrote there, with its digest
        raise TrainingError(f"{path}: not as fmnist-train writes it ({one_line(error)}); {ANEW}") from error


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """The record that `read` reads."""
    # As it will be read, where a tuple is a list and a number that is none is null.
    record = json.loads(records.to_bytes({"schema": SCHEMA, **asdict(checkpoint)}))
    return records.to_bytes({**record, "sha256": _digest(record)})


def check_room(folder: Path) -> None:
    """Raise TrainingError where a checkpoint to come would take the place of a file that is not one of ours."""
    ours = None
    if (folder / NAME).exists():
        ours = folder / read(folder).model
    for path in sorted(folder.glob("checkpoint-*.keras")):
        if _MODEL.fullmatch(path.name) and path != ours:
            raise TrainingError(
                f"{path}: would be overwritten, and no record says that fmnist-train wrote it; move it away, or choose "
                f"another folder with -o"
            )


def remove(folder: Path) -> None:
    """Remove the checkpoint in `folder`, if there is one: the record, and the model that it names."""
    if model := named(folder):
        (folder / NAME).unlink(missing_ok=True)
        model.unlink(missing_ok=True)


def finished_epochs(folder: Path) -> int:
    """How many epochs the checkpoint in `folder` holds; 0 without one."""
    try:
        return read(folder).progress.epochs
    except TrainingError:
        return 0


def model_name(epochs: int) -> str:
    """The name of the model's file after `epochs` epochs."""
    return f"checkpoint-{epochs}.keras"


def named(folder: Path) -> Path | None:
    """The model that the record in `folder` names; None where there is no record, or none to trust."""
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
            f"or {ANEW}"
        )
    if schema != SCHEMA or record.keys() != _KEYS:
        missing = sorted(_KEYS - record.keys())
        found = f"without {missing[0]}" if missing else f"its schema is {str(schema)[:40]!r}"
        raise TrainingError(f"{path}: damaged, edited or written by an older fmnist-edge ({found}); {ANEW}")


def _progress(history: Any, seconds: Any) -> Progress:
    for name, values in {**history, "seconds": seconds}.items():
        if not isinstance(values, list) or len(values) > len(seconds):
            raise ValueError(f"{str(name)[:40]} is not a list with one number an epoch")
        if not all(value is None or type(value) in (int, float) for value in values):
            raise ValueError(f"{str(name)[:40]} holds something else than numbers")
    return Progress(dict(history), [float(value) for value in seconds])


def _digest(record: Mapping[str, Any]) -> str:
    return sha256(json.dumps(record, sort_keys=True, separators=(",", ":")).encode())
