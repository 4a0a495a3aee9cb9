"""Training that can be repeated and resumed: the same seed gives the same weights, interrupted or not.

Each epoch has its own order of the images, drawn from (seed, epoch), and ends with a checkpoint that holds weights,
optimizer and the state of the random layers. So `resume` goes on as if nothing had happened.
"""

import hashlib
import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import fmnist_runtime
from fmnist_runtime.dataset import DIGESTS, Split
from fmnist_runtime.errors import TrainingError
from fmnist_runtime.files import write_atomically
from fmnist_train.data import FashionMnist, hold_out, to_float
from fmnist_train.models import MODELS

MODEL_FILE = "model.keras"
RECORD_FILE = "training.json"
CHECKPOINT_FILE = "checkpoint.json"

# A call from Python into TensorFlow costs about as much as a step of the tutorial's model: take many steps a call.
_MOST_STEPS_A_CALL = 250
_EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class Settings:
    """What decides the weights: two trainings with equal settings and data give the same model on one machine.

    `schedule` is "constant", as the tutorial has it, or "cosine": the learning rate falls to 0 along half a cosine,
    which ends the tutorial's 5 epochs at a higher accuracy that depends less on the seed.
    """

    model: str = "mlp"
    epochs: int = 5
    batch_size: int = 32
    learning_rate: float = 0.001
    schedule: str = "cosine"
    validation: int = 4000
    seed: int = 1


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
class Trained:
    """A trained model, how it came to be, and its results on the test set: loss, accuracy and (N, 10) float32."""

    model: keras.Model
    settings: Settings
    progress: Progress
    test_loss: float
    test_accuracy: float
    test_probabilities: NDArray[np.float32]


def train(
    settings: Settings,
    dataset: FashionMnist,
    folder: Path,
    *,
    resume: bool,
    callbacks: list[keras.callbacks.Callback],
) -> Trained:
    """Train the model of `settings`, with a checkpoint in `folder` after every epoch, and evaluate it on the test set.

    With `resume`, go on from the checkpoint in `folder`. Raises TrainingError where that is impossible.
    """
    keras.utils.set_random_seed(settings.seed)
    training, validation = hold_out(dataset.train, settings.validation)
    if resume:
        model, progress = _load_checkpoint(folder, settings)
    else:
        _remove_checkpoints(folder)
        model, progress = build(settings, len(training.images)), Progress()
    images, labels = to_float(training.images), training.labels.astype(np.int32)
    held_out = (to_float(validation.images), validation.labels.astype(np.int32)) if settings.validation else None
    for epoch in range(progress.epochs, settings.epochs):
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(images))
        started = time.perf_counter()
        history = model.fit(
            images[order],
            labels[order],
            batch_size=settings.batch_size,
            shuffle=False,
            initial_epoch=epoch,
            epochs=epoch + 1,
            validation_data=held_out,
            validation_batch_size=_EVALUATION_BATCH,
            verbose=0,
            callbacks=callbacks,
        ).history
        for name, values in history.items():
            progress.history.setdefault(name, []).append(float(values[0]))
        progress.seconds.append(round(time.perf_counter() - started, 3))
        _save_checkpoint(folder, model, settings, progress)
    return _evaluate(model, settings, progress, dataset.test)


def build(settings: Settings, images: int) -> keras.Model:
    """The compiled model of `settings`, untrained: Adam, sparse categorical cross-entropy, accuracy.

    Compiled by XLA, with as many steps a call as divide an epoch over `images` images.
    """
    steps = -(-images // settings.batch_size)
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps * settings.epochs)
    model = MODELS[settings.model]()
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps_a_call(steps),
        jit_compile=True,
    )
    return model


def steps_a_call(steps: int) -> int:
    """The largest divisor of `steps` up to 250, so that no call is left with a part that is compiled again."""
    return max(divisor for divisor in range(1, min(steps, _MOST_STEPS_A_CALL) + 1) if steps % divisor == 0)


def save(trained: Trained, dataset: FashionMnist, folder: Path) -> None:
    """Write model.keras and training.json to `folder`, each whole or not at all, and drop the checkpoints."""
    _save_model(trained.model, folder / MODEL_FILE)
    record = json.dumps(_record(trained, dataset, folder), indent=1)
    write_atomically(folder / RECORD_FILE, (record + "\n").encode())
    _remove_checkpoints(folder)


def finished_epochs(folder: Path) -> int:
    """How many epochs the checkpoint in `folder` holds; 0 without one."""
    try:
        return len(json.loads((folder / CHECKPOINT_FILE).read_text())["progress"]["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _evaluate(model: keras.Model, settings: Settings, progress: Progress, test: Split) -> Trained:
    images = to_float(test.images)
    loss, accuracy = model.evaluate(images, test.labels.astype(np.int32), batch_size=_EVALUATION_BATCH, verbose=0)
    probabilities = model.predict(images, batch_size=_EVALUATION_BATCH, verbose=0)
    return Trained(model, settings, progress, float(loss), float(accuracy), probabilities)


def _record(trained: Trained, dataset: FashionMnist, folder: Path) -> dict[str, Any]:
    return {
        "settings": asdict(trained.settings),
        "optimizer": trained.model.optimizer.get_config()["name"],
        "loss": "sparse_categorical_crossentropy",
        "parameters": trained.model.count_params(),
        "command": f"fmnist-train {_options(trained.settings)}",
        "versions": {
            "fmnist-edge": fmnist_runtime.__version__,
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "data": {"images": len(dataset.train.images), "sha256": DIGESTS},
        "model_sha256": hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest(),
        "history": trained.progress.history,
        "seconds": trained.progress.seconds,
        "results": {"test_loss": trained.test_loss, "test_accuracy": trained.test_accuracy},
    }


def _options(settings: Settings) -> str:
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in asdict(settings).items())


def _save_model(model: keras.Model, path: Path) -> None:
    # Keras wants a name that ends in .keras and a path; the rename makes the file appear whole.
    temporary = path.with_name(f".{path.stem}.part.keras")
    try:
        model.save(temporary)
        write_atomically(path, temporary.read_bytes())
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written ({error}); choose another folder with -o") from error
    finally:
        temporary.unlink(missing_ok=True)


def _save_checkpoint(folder: Path, model: keras.Model, settings: Settings, progress: Progress) -> None:
    """The model first, then the record that names it: whenever the process is killed, one whole checkpoint is there."""
    path = folder / f"checkpoint-{progress.epochs}.keras"
    _save_model(model, path)
    record = {"model": path.name, "settings": asdict(settings), "progress": asdict(progress)}
    write_atomically(folder / CHECKPOINT_FILE, json.dumps(record, indent=1).encode())
    for other in folder.glob("checkpoint-*.keras"):
        if other != path:
            other.unlink(missing_ok=True)


def _load_checkpoint(folder: Path, settings: Settings) -> tuple[keras.Model, Progress]:
    record = _read_checkpoint(folder)
    before = Settings(**record["settings"])
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


def _read_checkpoint(folder: Path) -> dict[str, Any]:
    path = folder / CHECKPOINT_FILE
    try:
        record: dict[str, Any] = json.loads(path.read_text())
        if not (folder / record["model"]).is_file():
            raise TrainingError(f"{path}: its model {record['model']} is missing; train anew without --resume")
    except FileNotFoundError as error:
        raise TrainingError(f"{folder}: no checkpoint to resume from; train without --resume") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: cannot be read ({error}); train anew without --resume") from error
    return record


def _remove_checkpoints(folder: Path) -> None:
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
    for path in folder.glob("checkpoint-*.keras"):
        path.unlink(missing_ok=True)


class ProgressBar(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Keras's progress bar, counting the epochs of the whole training; one line an epoch where there is no terminal."""

    def __init__(self, epochs: int, steps: int, say: Callable[[str], None]) -> None:
        super().__init__()
        self._epochs, self._steps, self._say = epochs, steps, say
        self._bar: keras.utils.Progbar | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start a bar on a terminal."""
        if sys.stdout.isatty():
            self._say(f"Epoch {epoch + 1}/{self._epochs}")
            self._bar = keras.utils.Progbar(self._steps, stateful_metrics=["accuracy", "loss"])

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move the bar."""
        if self._bar is not None and batch + 1 < self._steps:
            self._bar.update(batch + 1, list((logs or {}).items()))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Finish the bar, or print the epoch's line."""
        if self._bar is not None:
            self._bar.update(self._steps, list((logs or {}).items()), finalize=True)
            self._bar = None
            return
        results = ", ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        self._say(f"Epoch {epoch + 1}/{self._epochs}: {results}")
