"""What a training keeps after every epoch, to go on from there: the model with its optimizer, and its record."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import keras

from fmnist_runtime.errors import TrainingError
from fmnist_runtime.system.atomic import write_together
from fmnist_runtime.system.digests import sha256
from fmnist_train.models import keras_files
from fmnist_train.models.recipes import Settings
from fmnist_train.training import checkpoint_record
from fmnist_train.training.checkpoint_record import ANEW, Checkpoint, Progress


def save(folder: Path, model: keras.Model, settings: Settings, sources: Mapping[str, str], progress: Progress) -> None:
    """Keep `model`, trained as `progress` says, in `folder` in the place of the checkpoint before.

    The model first, then the record that names it, then the model before goes: whenever the process is killed, one
    whole checkpoint is there. Raises TrainingError or FmnistError where that is impossible.
    """
    before = checkpoint_record.named(folder)
    path = folder / checkpoint_record.model_name(progress.epochs)
    with keras_files.written(model, path) as temporary:
        content = temporary.read_bytes()
    record = Checkpoint(path.name, sha256(content), settings, dict(sources), progress)
    write_together({path: content, folder / checkpoint_record.NAME: checkpoint_record.to_bytes(record)})
    if before and before != path:
        before.unlink(missing_ok=True)


def load(
    folder: Path, settings: Settings, sources: Mapping[str, str], objects: Mapping[str, Any] | None = None
) -> tuple[keras.Model, Progress]:
    """The model in `folder`, with its optimizer, and what had been done.

    `objects` are a person's own classes, as `keras_files.read` takes them. Raises TrainingError where there is no whole
    checkpoint, or where it was trained with other settings or from other files.
    """
    checkpoint = checkpoint_record.read(folder)
    _check_settings(folder, settings, checkpoint)
    for name, digest in sources.items():
        if checkpoint.sources.get(name) != digest:
            raise TrainingError(
                f"{folder}: {name} is another file than the one that the checkpoint was trained with; put that back, "
                f"or train anew without --resume"
            )
    path = folder / checkpoint.model
    return _load(path, checkpoint.model_sha256, objects), checkpoint.progress


def _load(path: Path, digest: str, objects: Mapping[str, Any] | None) -> keras.Model:
    try:
        if not path.is_file():
            raise FileNotFoundError("it is missing")
        if path.stat().st_size > keras_files.MOST_BYTES:
            raise ValueError(f"it is longer than {keras_files.MOST_BYTES:,} bytes")
        if sha256(path.read_bytes()) != digest:
            raise ValueError("its digest is another than checkpoint.json says")
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{path}: damaged ({error}); {ANEW.replace('it and', f'{checkpoint_record.NAME} and', 1)}"
        ) from error
    try:
        return keras_files.read(path, objects)
    except TrainingError as error:
        raise TrainingError(
            f"{error}; resume with the Keras that wrote it, or remove {checkpoint_record.NAME} and {path.name}, and "
            f"train anew without --resume"
        ) from error


def _check_settings(folder: Path, settings: Settings, checkpoint: Checkpoint) -> None:
    for one in fields(Settings):
        value, before = getattr(settings, one.name), getattr(checkpoint.settings, one.name)
        # A constant rate can go on for as long as one likes; the cosine was laid over a number of epochs.
        if (one.name != "epochs" or settings.schedule != "constant") and value != before:
            raise TrainingError(
                f"{folder}: the checkpoint was trained with {one.name} {before}, now it is {value}; "
                f"give the same options or none, or train anew without --resume"
            )
    if checkpoint.progress.epochs > settings.epochs:
        raise TrainingError(
            f"{folder}: the checkpoint has {checkpoint.progress.epochs} epochs, more than --epochs {settings.epochs}; "
            f"ask for at least as many"
        )
