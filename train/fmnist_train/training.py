"""Training that can be repeated and resumed: the same seed gives the same weights, interrupted or not.

Each epoch has its own order of the images, drawn from (seed, epoch), and ends with a checkpoint that holds weights,
optimizer and the state of the random layers. So `resume` goes on as if nothing had happened.
"""

import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import fmnist_runtime
from fmnist_runtime.dataset import DIGESTS, Split
from fmnist_runtime.errors import TrainingError
from fmnist_runtime.files import sha256, write_atomically
from fmnist_train import builders, distribution
from fmnist_train.augmentation import augment
from fmnist_train.data import FashionMnist, hold_out, to_float
from fmnist_train.distillation import load_teacher, mixed, smoothed
from fmnist_train.distribution import ALONE, Distribution
from fmnist_train.normalization import fused, plain
from fmnist_train.settings import Settings

MODEL_FILE = "model.keras"
RECORD_FILE = "training.json"
CHECKPOINT_FILE = "checkpoint.json"

# A call from Python into TensorFlow costs about as much as a step of the tutorial's model: take many steps a call.
_MOST_STEPS_A_CALL = 250
# A step of a convolutional model takes so long that more a call gain nothing, and the progress bar moves once a call.
_MOST_CONVOLUTION_STEPS = 10
_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
_EVALUATION_BATCH = 1000


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
    """A trained model, how it came to be, and its results on the test set: loss, accuracy and (N, 10) float32.

    `replicas` is the number of devices, on all workers, that shared each batch.
    """

    model: keras.Model
    settings: Settings
    progress: Progress
    test_loss: float
    test_accuracy: float
    test_probabilities: NDArray[np.float32]
    replicas: int = 1


def train(
    settings: Settings,
    dataset: FashionMnist,
    folder: Path,
    *,
    resume: bool,
    callbacks: list[keras.callbacks.Callback],
    spread: Distribution = ALONE,
) -> Trained:
    """Train the model of `settings`, with a checkpoint in `folder` after every epoch, and evaluate it on the test set.

    With `resume`, go on from the checkpoint in `folder`. Spread over devices or workers as `spread` says; of several
    workers each calls this with the same arguments, and the chief alone writes checkpoints. Raises TrainingError where
    that is impossible.
    """
    teacher = load_teacher(Path(settings.teacher)) if settings.teacher else None
    keras.utils.set_random_seed(settings.seed)
    training, validation = hold_out(dataset.train, settings.validation)
    with spread.scope():
        if resume:
            model, progress = _load_checkpoint(folder, settings)
        else:
            model, progress = build(settings, len(training.images)), Progress()
    distribution.prepare(model, spread)
    distribution.agree(spread, (settings, progress.epochs, tf.__version__, keras.__version__))
    if spread.is_chief and not resume:
        _remove_checkpoints(folder)
    held_out = batches(to_float(validation.images), _targets(validation, settings), _EVALUATION_BATCH)
    for epoch in range(progress.epochs, settings.epochs):
        started = time.perf_counter()
        with distribution.losses_in_words(spread):
            history = model.fit(
                batches(*_lesson(training, settings, epoch, teacher), settings.batch_size),
                shuffle=False,
                initial_epoch=epoch,
                epochs=epoch + 1,
                validation_data=held_out if settings.validation else None,
                verbose=0,
                callbacks=callbacks,
            ).history
            distribution.synchronize(model, spread)
        for name, values in history.items():
            progress.history.setdefault(name, []).append(float(values[0]))
        progress.seconds.append(round(time.perf_counter() - started, 3))
        if spread.is_chief:
            _save_checkpoint(folder, model, settings, progress)
    if spread.strategy is not None:
        model = distribution.local(model, lambda: builders.build(settings.model))
    trained = _evaluate(plain(model), settings, progress, dataset.test)
    return replace(trained, replicas=spread.replicas)


def build(settings: Settings, images: int) -> keras.Model:
    """The compiled model of `settings`, untrained: Adam (AdamW with weight decay), cross-entropy, accuracy.

    With as many steps a call as divide an epoch over `images` images. A person's own model that is compiled already
    stays as it is.
    """
    steps = -(-images // settings.batch_size)
    model = builders.build(settings.model)
    if model.compiled:
        return model
    model = fused(model)
    convolves = any(isinstance(layer, _CONVOLUTIONS) for layer in model.layers)
    model.compile(
        optimizer=_optimizer(settings, steps),
        loss=_loss(settings),
        metrics=["accuracy"],
        steps_per_execution=steps_a_call(steps, _MOST_CONVOLUTION_STEPS if convolves else _MOST_STEPS_A_CALL),
        jit_compile=not convolves,
    )
    return model


def _optimizer(settings: Settings, steps: int) -> keras.optimizers.Optimizer:
    schedules, total = keras.optimizers.schedules, steps * settings.epochs
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        rate = schedules.CosineDecay(rate, total)
    elif settings.schedule == "one-cycle":
        rise = max(1, total // 5)
        rate = schedules.CosineDecay(rate / 10, max(1, total - rise), warmup_target=rate, warmup_steps=rise)
    if settings.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    return keras.optimizers.Adam(rate)


def _has_soft_targets(settings: Settings) -> bool:
    return bool(settings.label_smoothing or settings.teacher)


def _loss(settings: Settings) -> str:
    return "categorical_crossentropy" if _has_soft_targets(settings) else "sparse_categorical_crossentropy"


def _targets(split: Split, settings: Settings) -> NDArray[Any]:
    """The labels as the loss takes them: (N,) int32, or (N, 10) float32 where they are smoothed or mixed."""
    return smoothed(split.labels, 0) if _has_soft_targets(settings) else split.labels.astype(np.int32)


def _lesson(
    split: Split, settings: Settings, epoch: int, teacher: keras.Model | None
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """The images of one epoch, (N, 28, 28), in its order and changed as `settings` say, and what to learn from them."""
    order = np.random.default_rng([settings.seed, epoch]).permutation(len(split.images))
    rng = np.random.default_rng([settings.seed, epoch, 1])
    images = to_float(augment(split.images[order], rng, flip=settings.flip, shift=settings.shift, erase=settings.erase))
    labels = split.labels[order]
    if not _has_soft_targets(settings):
        return images, labels.astype(np.int32)
    targets = smoothed(labels, settings.label_smoothing)
    return images, mixed(targets, teacher, images, settings.teacher_weight) if teacher else targets


def batches(images: NDArray[np.float32], targets: NDArray[Any], batch_size: int) -> tf.data.Dataset:
    """Batches in the given order.

    Without tf.data's autotuning, whose thread sleeps for doubling periods and keeps each fit until it has woken up:
    an epoch then takes 2.6, 5.1, 10.2, 20.5 ... seconds, whichever comes next.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    # Of several workers each takes its part of every batch.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return tf.data.Dataset.from_tensor_slices((images, targets)).batch(batch_size).with_options(options)


def steps_a_call(steps: int, most: int = _MOST_STEPS_A_CALL) -> int:
    """The largest divisor of `steps` up to `most`, so that no call is left with a part that is compiled again."""
    return max(divisor for divisor in range(1, min(steps, most) + 1) if steps % divisor == 0)


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
    probabilities = _probabilities(model.predict(images, batch_size=_EVALUATION_BATCH, verbose=0))
    loss = keras.losses.sparse_categorical_crossentropy(test.labels.astype(np.int32), probabilities)
    accuracy = np.mean(probabilities.argmax(axis=1) == test.labels)
    return Trained(model, settings, progress, float(np.mean(loss)), float(accuracy), probabilities)


def _probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """`outputs`, (N, 10), where they are probabilities, else (a compiled model may give logits) their softmax."""
    if outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
        return outputs
    return np.asarray(keras.ops.softmax(outputs), np.float32)


def _record(trained: Trained, dataset: FashionMnist, folder: Path) -> dict[str, Any]:
    return {
        "settings": asdict(trained.settings),
        **_compiled(trained),
        "parameters": trained.model.count_params(),
        **_others(trained.settings),
        "command": f"fmnist-train {trained.settings.options()}",
        "versions": {
            "fmnist-edge": fmnist_runtime.__version__,
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "replicas": trained.replicas,
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "data": {"images": len(dataset.train.images), "sha256": DIGESTS},
        "model_sha256": sha256((folder / MODEL_FILE).read_bytes()),
        "history": trained.progress.history,
        "seconds": trained.progress.seconds,
        "results": {"test_loss": trained.test_loss, "test_accuracy": trained.test_accuracy},
    }


def _compiled(trained: Trained) -> dict[str, str]:
    """The optimizer and the loss: those that a person's own model was compiled with, or ours."""
    model = trained.model
    if model.compiled:
        loss = model.loss if isinstance(model.loss, str) else getattr(model.loss, "name", type(model.loss).__name__)
        return {"optimizer": type(model.optimizer).__name__, "loss": loss}
    return {"optimizer": "adamw" if trained.settings.weight_decay else "adam", "loss": _loss(trained.settings)}


def _others(settings: Settings) -> dict[str, Any]:
    """What the training took from other files: the function that built the model, and the teacher."""
    others: dict[str, Any] = {}
    if path := builders.file_of(settings.model):
        others["builder_sha256"] = sha256(path.read_bytes())
    if settings.teacher:
        teacher = Path(settings.teacher)
        others["teacher"] = {"model": teacher.name, "model_sha256": sha256(teacher.read_bytes())}
    return others


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
