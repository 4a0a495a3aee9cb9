"""What a training keeps after every epoch, to go on from there: the model with its optimizer, and a record."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras

from fmnist_runtime.errors import TrainingError
from fmnist_runtime.files import write_atomically
from fmnist_train.settings import Settings

_RECORD = "checkpoint.json"


@dataclass
class Progress:
    """What has been done: Keras's history, one number an epoch, and the seconds that the epochs took."""

    history: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        return len(self.seconds)


def save(folder: Path, model: keras.Model, settings: Settings, progress: Progress) -> None:
    """Keep `model`, trained as `progress` says, in `folder` in the place of the checkpoint before.

    The model first, then the record that names it: whenever the process is killed, one whole checkpoint is there.
    """
    path = folder / f"checkpoint-{progress.epochs}.keras"
    save_model(model, path)
    record = {"model": path.name, "settings": asdict(settings), "progress": asdict(progress)}
    write_atomically(folder / _RECORD, json.dumps(record, indent=1).encode())
    for other in folder.glob("checkpoint-*.keras"):
        if other != path:
            other.unlink(missing_ok=True)


def load(folder: Path, settings: Settings) -> tuple[keras.Model, Progress]:
    """The model in `folder`, with its optimizer, and what had been done.

    Raises TrainingError where there is none or where it was trained with other settings.
    """
    record = _read(folder)
    before = Settings(**{**record["settings"], "teacher": tuple(record["settings"]["teacher"])})
    progress = Progress(**record["progress"])
    for name, value in asdict(settings).items():
        # A constant rate can go on for as long as one likes; the cosine was laid over a number of epochs.
        if (name != "epochs" or settings.schedule != "constant") and value != getattr(before, name):
            raise TrainingError(
                f"{folder}: the checkpoint was trained with {name} {getattr(before, name)}, now it is {value}; "
                f"give the same options, or train anew without --resume"
            )
    if progress.epochs > settings.epochs:
        raise TrainingError(
            f"{folder}: the checkpoint has {progress.epochs} epochs, more than --epochs {settings.epochs}; "
            f"ask for at least as many"
        )
    return keras.models.load_model(folder / record["model"]), progress


def remove(folder: Path) -> None:
    """Remove the checkpoint in `folder`, if there is one."""
    (folder / _RECORD).unlink(missing_ok=True)
    for path in folder.glob("checkpoint-*.keras"):
        path.unlink(missing_ok=True)


def finished_epochs(folder: Path) -> int:
    """How many epochs the checkpoint in `folder` holds; 0 without one."""
    try:
        return len(json.loads((folder / _RECORD).read_text())["progress"]["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def save_model(model: keras.Model, path: Path) -> None:
    """Write `model` to `path`, whole or not at all. Raises TrainingError where that is impossible."""
    # Keras wants a name that ends in .keras and a path; the rename makes the file appear whole.
    temporary = path.with_name(f".{path.stem}.part.keras")
    try:
        model.save(temporary)
        write_atomically(path, temporary.read_bytes())
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written ({error}); choose another folder with -o") from error
    finally:
        temporary.unlink(missing_ok=True)


def _read(folder: Path) -> dict[str, Any]:
    path = folder / _RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_text())
        if not (folder / record["model"]).is_file():
            raise TrainingError(f"{path}: its model {record['model']} is missing; train anew without --resume")
    except FileNotFoundError as error:
        raise TrainingError(f"{folder}: no checkpoint to resume from; train without --resume") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: cannot be read ({error}); train anew without --resume") from error
    return record
