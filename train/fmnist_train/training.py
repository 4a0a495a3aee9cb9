"""Training that can be repeated and resumed: the same seed gives the same weights, interrupted or not.

Each epoch has its own order of the images, drawn from (seed, epoch), and ends with a checkpoint that holds weights,
optimizer and the state of the random layers. So `resume` goes on as if nothing had happened.
"""

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from fmnist_runtime.dataset import Split
from fmnist_runtime.errors import TrainingError
from fmnist_train import builders, checkpoints, distribution
from fmnist_train.augmentation import erase, move, ways
from fmnist_train.checkpoints import Progress
from fmnist_train.data import FashionMnist, hold_out, to_float
from fmnist_train.distillation import Teachers, load_model, smoothed
from fmnist_train.distribution import ALONE, Distribution
from fmnist_train.mirroring import mirrored
from fmnist_train.normalization import fused, plain
from fmnist_train.results import EVALUATION_BATCH, Trained, evaluate
from fmnist_train.settings import Settings

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
    models = [load_model(Path(path)) for path in settings.teacher]
    keras.utils.set_random_seed(settings.seed)
    training, validation = hold_out(dataset.train, settings.validation)
    teachers = Teachers(models, len(training.images), ways(settings.shift)) if models else None
    with spread.scope():
        if resume:
            model, progress = checkpoints.load(folder, settings)
        else:
            model, progress = build(settings, len(training.images)), Progress()
    distribution.prepare(model, spread)
    distribution.agree(spread, (settings, progress.epochs, tf.__version__, keras.__version__))
    if spread.is_chief and not resume:
        checkpoints.remove(folder)
    held_out = batches(to_float(validation.images), _targets(validation, settings), EVALUATION_BATCH)
    for epoch in range(progress.epochs, settings.epochs):
        started = time.perf_counter()
        with distribution.losses_in_words(spread):
            history = model.fit(
                batches(*_lesson(training, settings, epoch, teachers), settings.batch_size),
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
            checkpoints.save(folder, model, settings, progress)
    if spread.strategy is not None:
        model = distribution.local(model, lambda: builders.build(settings.model))
    model = plain(model)
    if settings.mirror:
        model = mirrored(model)
    trained = evaluate(model, settings, progress, dataset.test, validation)
    return replace(trained, replicas=spread.replicas)


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
    weights = load_model(path).get_weights()
    found, expected = ([weight.shape for weight in each] for each in (weights, model.get_weights()))
    if found != expected:
        raise TrainingError(
            f"{path}: {_count(found):,} weights in {len(found)} tensors, expected the {_count(expected):,} in "
            f"{len(expected)} of {model.name}; start from a model of the same --model"
        )
    model.set_weights(weights)


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
