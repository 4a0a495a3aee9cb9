"""Checkpoints, from which a training resumes: after every epoch, the model with its optimizer, and its record."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import keras

from fmnist_runtime.errors import TrainingError
from fmnist_runtime.system.atomic import write_together
from fmnist_runtime.system.digests import sha256
from fmnist_train.models import keras_files
from fmnist_train.models.settings import TrainingSettings
from fmnist_train.training import checkpoint_record
from fmnist_train.training.checkpoint_record import START_OVER, Checkpoint, Progress


def save(
    folder: Path, model: keras.Model, settings: TrainingSettings, sources: Mapping[str, str], progress: Progress
) -> None:
    """Save `model`, trained as `progress` states, in `folder` and remove the previous checkpoint.

    The model file is written first, then the record that names it, and then the previous model file is removed: one
    complete checkpoint is there whenever the process is killed. Raises TrainingError or FmnistError where that is
    impossible.
    """
    before = checkpoint_record.model_path(folder)
    path = folder / checkpoint_record.model_name(progress.epochs)
    with keras_files.temporary_file(model, path) as temporary:
        content = temporary.read_bytes()
    record = Checkpoint(path.name, sha256(content), settings, dict(sources), progress)
    write_together({path: content, folder / checkpoint_record.NAME: checkpoint_record.to_bytes(record)})
    if before and before != path:
        before.unlink(missing_ok=True)


def load(
    folder: Path, settings: TrainingSettings, sources: Mapping[str, str], objects: Mapping[str, Any] | None = None
) -> tuple[keras.Model, Progress]:
    """The model in `folder`, with its optimizer, and its progress.

    `objects` are a person's own classes, as in `keras_files.read`. Raises TrainingError where there is no complete
    checkpoint, or where it was trained with other settings or files.
    """
    checkpoint = checkpoint_record.read(folder)
    _check_settings(folder, settings, checkpoint)
    for name, digest in sources.items():
        if checkpoint.sources.get(name) != digest:
            raise TrainingError(
                f"{folder}: {name} is another file than the one that the checkpoint was trained with; put that back, "
                f"or train again without --resume"
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
            raise ValueError("its digest is not the one in checkpoint.json")
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{path}: damaged ({error}); {START_OVER.replace('it and', f'{checkpoint_record.NAME} and', 1)}"
        ) from error
    try:
        return keras_files.read(path, objects)
    except TrainingError as error:
        raise TrainingError(
            f"{error}; resume with the Keras that wrote it, or remove {checkpoint_record.NAME} and {path.name}, and "
            f"train again without --resume"
        ) from error


def _check_settings(folder: Path, settings: TrainingSettings, checkpoint: Checkpoint) -> None:
    for field in fields(TrainingSettings):
        value, before = getattr(settings, field.name), getattr(checkpoint.settings, field.name)
        # A constant rate allows any number of epochs; the other schedules were laid over a fixed number.
        if (field.name != "epochs" or settings.schedule != "constant") and value != before:
            raise TrainingError(
                f"{folder}: the checkpoint was trained with {field.name} {before}, but {value} is asked for; "
                f"give the same options or none, or train again without --resume"
            )
    if checkpoint.progress.epochs > settings.epochs:
        raise TrainingError(
            f"{folder}: the checkpoint has {checkpoint.progress.epochs} epochs, more than --epochs {settings.epochs}; "
            f"give at least as many"
        )
