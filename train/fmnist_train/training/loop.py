"""Training that can be repeated and resumed: the same seed gives the same weights, interrupted or not.

Each epoch has its own order of the images, drawn from (seed, epoch), and ends with a checkpoint that holds weights,
optimizer and the state of the random layers. So `resume` goes on as if nothing had happened.
"""

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from fmnist_keras import copies
from fmnist_keras.messages import one_line
from fmnist_runtime.data.fashion_mnist import FashionMnist, hold_out, to_float
from fmnist_runtime.data.fashion_mnist_files import Split
from fmnist_runtime.errors import FmnistError, TrainingError
from fmnist_runtime.system.atomic import sha256
from fmnist_train.distributed import distribution
from fmnist_train.distributed.distribution import ALONE, Distribution
from fmnist_train.models import builders
from fmnist_train.models.distillation import Teachers, load_model, load_teacher, smoothed
from fmnist_train.models.mirroring import mirrored
from fmnist_train.models.normalization import fused, plain
from fmnist_train.models.recipes import Settings
from fmnist_train.training import checkpoint_record, checkpoints
from fmnist_train.training.augmentation import erase, move, ways
from fmnist_train.training.checkpoint_record import Progress
from fmnist_train.training.results import EVALUATION_BATCH, Trained, evaluate
from fmnist_train.training.validation import MirroredValidation

# A call from Python into TensorFlow costs about as much as a step of the tutorial's model: take many steps a call.
_MOST_STEPS_A_CALL = 250
# A step of a convolutional model takes so long that more a call gain nothing, and the progress bar moves once a call.
_MOST_CONVOLUTION_STEPS = 10
_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)


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
    sources = digests(settings)
    models = [load_teacher(Path(path)) for path in settings.teacher]
    keras.utils.set_random_seed(settings.seed)
    training, validation = hold_out(dataset.train, settings.validation)
    teachers = Teachers(models, len(training.images), ways(settings.shift)) if models else None
    with spread.scope():
        if resume:
            model, progress = checkpoints.load(folder, settings, sources, builders.objects(settings.model))
        else:
            model, progress = build(settings, len(training.images)), Progress()
    distribution.prepare(model, spread)
    distribution.agree(spread, (settings, progress.epochs, tf.__version__, keras.__version__))
    if spread.is_chief:
        checkpoint_record.check_room(folder)
    if spread.is_chief and not resume:
        checkpoint_record.remove(folder)
    if settings.mirror and settings.validation:
        callbacks = [MirroredValidation(validation), *callbacks]
    parts = training, validation, teachers
    for epoch in range(progress.epochs, settings.epochs):
        started = time.perf_counter()
        history = _epoch(model, settings, epoch, parts, callbacks, spread)
        _keep_history(progress, history, settings)
        progress.seconds.append(round(time.perf_counter() - started, 3))
        if spread.is_chief:
            checkpoints.save(folder, model, settings, sources, progress)
    if spread.strategy is not None:
        model = distribution.local(model, lambda: builders.build(settings.model))
    once = plain(model)
    model = mirrored(once) if settings.mirror else once
    trained = evaluate(model, settings, progress, dataset.test, validation)
    return replace(trained, replicas=spread.replicas, sources=sources, once=once if settings.mirror else None)


def digests(settings: Settings) -> dict[str, str]:
    """The SHA-256 of each file that `settings` name, by its path. Raises TrainingError where one cannot be read."""
    found = {}
    for name in settings.files():
        try:
            found[name] = sha256(Path(name).read_bytes())
        except OSError as error:
            raise TrainingError(
                f"{name}: no such file, or unreadable ({error.strerror}); give one that is there"
            ) from error
    return found


def _epoch(
    model: keras.Model,
    settings: Settings,
    epoch: int,
    parts: tuple[Split, Split, Teachers | None],
    callbacks: list[keras.callbacks.Callback],
    spread: Distribution,
) -> dict[str, list[Any]]:
    """Train `model` for one epoch on the first of `parts`; what Keras measured, also on the second, held out."""
    training, validation, teachers = parts
    held_out = batches(to_float(validation.images), _targets(validation, settings), EVALUATION_BATCH)
    # What is written looks twice, so that is what is validated, by a callback.
    watched = settings.validation and not settings.mirror
    with _failures_in_words(settings), distribution.losses_in_words(spread):
        history: dict[str, list[Any]] = model.fit(
            batches(*_lesson(training, settings, epoch, teachers), settings.batch_size),
            shuffle=False,
            initial_epoch=epoch,
            epochs=epoch + 1,
            validation_data=held_out if watched else None,
            verbose=0,
            callbacks=callbacks,
        ).history
        distribution.synchronize(model, spread)
    return history


def _keep_history(progress: Progress, history: dict[str, list[Any]], settings: Settings) -> None:
    """Add an epoch's numbers to `progress`; what a metric of a person's own gives for each class is left out."""
    numbers = {name: float(values[0]) for name, values in history.items() if np.ndim(values[0]) == 0}
    if not math.isfinite(numbers.get("loss", 0)):
        raise TrainingError(
            f"{settings.model}: the loss of epoch {progress.epochs + 1} is {numbers['loss']}, expected a finite "
            f"number; give a lower --learning-rate, or mend the model"
        )
    for name, value in numbers.items():
        progress.history.setdefault(name, []).append(value)


@contextlib.contextmanager
def _failures_in_words(settings: Settings) -> Iterator[None]:
    """Turn what Keras or a person's own layers raise in a step into a TrainingError."""
    try:
        yield
    except FmnistError:
        raise
    except Exception as error:  # tensorflow raises as many kinds as it has operators
        raise TrainingError(
            f"{settings.model}: a training step fails with {type(error).__name__}: {one_line(error)}; mend the "
            f"model, or give a smaller --batch-size where memory is short"
        ) from error


def build(settings: Settings, images: int) -> keras.Model:
    """The compiled model of `settings`, untrained: Adam (AdamW with weight decay), cross-entropy, accuracy.

    With as many steps a call as divide an epoch over `images` images. A person's own model that is compiled already
    stays as it is.
    """
    steps = -(-images // settings.batch_size)
    model = builders.build(settings.model)
    if settings.start:
        _start(model, Path(settings.start))
    if model.compiled:
        return model
    model = fused(model)
    convolves = any(isinstance(layer, _CONVOLUTIONS) for layer in model.layers)
    model.compile(
        optimizer=_optimizer(settings, steps),
        loss=settings.loss,
        metrics=["accuracy"],
        steps_per_execution=steps_a_call(steps, _MOST_CONVOLUTION_STEPS if convolves else _MOST_STEPS_A_CALL),
        jit_compile=not convolves,
    )
    return model


def _start(model: keras.Model, path: Path) -> None:
    """Give `model` the weights of the trained model in `path`. Raises TrainingError where it is another network."""
    trained = load_model(path)
    found, expected = ([weight.shape for weight in each.get_weights()] for each in (trained, model))
    if found != expected:
        raise TrainingError(
            f"{path}: {_count(found):,} weights in {len(found)} tensors, expected the {_count(expected):,} in "
            f"{len(expected)} of {model.name}; start from a model of the same --model"
        )
    copies.transfer_state(trained, model)


def _count(shapes: list[tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes)


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


def _targets(split: Split, settings: Settings) -> NDArray[Any]:
    """The labels as the loss takes them: (N,) int32, or (N, 10) float32 where they are smoothed or mixed."""
    return smoothed(split.labels, 0) if settings.has_soft_targets else split.labels.astype(np.int32)


def _lesson(
    split: Split, settings: Settings, epoch: int, teachers: Teachers | None
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """The images of one epoch, (N, 28, 28), in its order and changed as `settings` say, and what to learn from them."""
    order = np.random.default_rng([settings.seed, epoch]).permutation(len(split.images))
    rng = np.random.default_rng([settings.seed, epoch, 1])
    moved, way = move(split.images[order], rng, flip=settings.flip, shift=settings.shift)
    images, labels = to_float(erase(moved, rng, settings.erase)), split.labels[order]
    if not settings.has_soft_targets:
        return images, labels.astype(np.int32)
    targets = smoothed(labels, settings.label_smoothing)
    if teachers:
        # Of an image with a part erased, the teachers see the whole.
        targets = teachers.mixed(targets, moved, order, way, settings.teacher_weight)
    return images, targets


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
