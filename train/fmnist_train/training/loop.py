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
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from fmnist_keras.messages import one_line
from fmnist_runtime.data.dataset import Dataset, Split, hold_out, to_float
from fmnist_runtime.errors import FmnistError, TrainingError
from fmnist_runtime.system.digests import sha256
from fmnist_train.distributed import distribution
from fmnist_train.distributed.distribution import ONE_DEVICE, Distribution
from fmnist_train.models import builders
from fmnist_train.models.distillation import Teachers, load_teacher
from fmnist_train.models.mirroring import mirrored
from fmnist_train.models.normalization import plain
from fmnist_train.models.settings import TrainingSettings
from fmnist_train.training import checkpoint_record, checkpoints, compilation
from fmnist_train.training.augmentation import placement_count
from fmnist_train.training.batches import batches, epoch_data, validation_targets
from fmnist_train.training.checkpoint_record import Progress
from fmnist_train.training.results import EVALUATION_BATCH, TrainingResult, evaluate
from fmnist_train.training.validation import MirroredValidation


class _Material(NamedTuple):
    """What a model learns from, and the held-out images that it is validated on."""

    training: Split
    validation: Split
    teachers: Teachers | None


def train(
    settings: TrainingSettings,
    dataset: Dataset,
    folder: Path,
    *,
    resume: bool,
    callbacks: list[keras.callbacks.Callback],
    spread: Distribution = ONE_DEVICE,
) -> TrainingResult:
    """Train the model of `settings`, with a checkpoint in `folder` after every epoch, and evaluate it on the test set.

    With `resume`, go on from the checkpoint in `folder`. `spread` names the devices or workers; each of several workers
    calls this with the same arguments, and only the chief writes checkpoints. Raises TrainingError where that is
    impossible.
    """
    sources = source_digests(settings)
    models = [load_teacher(Path(path)) for path in settings.teacher]
    keras.utils.set_random_seed(settings.seed)
    training, validation = hold_out(dataset.train, settings.validation)
    teachers = Teachers(models, len(training.images), placement_count(settings.shift)) if models else None
    material = _Material(training, validation, teachers)
    with spread.scope():
        if resume:
            model, progress = checkpoints.load(folder, settings, sources, builders.custom_objects(settings.model))
        else:
            model, progress = compilation.build(settings, len(training.images)), Progress()
    distribution.prepare(model, spread)
    distribution.check_agreement(spread, (settings, progress.epochs, tf.__version__, keras.__version__))
    if spread.is_chief:
        checkpoint_record.check_free(folder)
    if spread.is_chief and not resume:
        checkpoint_record.remove(folder)
    if settings.mirror and settings.validation:
        callbacks = [MirroredValidation(validation), *callbacks]
    for epoch in range(progress.epochs, settings.epochs):
        started = time.perf_counter()
        history = _train_epoch(model, settings, epoch, material, callbacks, spread)
        _add_to_history(progress, history, settings)
        progress.seconds.append(round(time.perf_counter() - started, 3))
        if spread.is_chief:
            checkpoints.save(folder, model, settings, sources, progress)
    if spread.strategy is not None:
        model = distribution.local_copy(model, lambda: builders.build(settings.model))
    unmirrored = plain(model)
    model = mirrored(unmirrored) if settings.mirror else unmirrored
    result = evaluate(model, settings, progress, dataset.test, validation)
    return replace(
        result,
        replicas=spread.replicas,
        sources=sources,
        unmirrored=unmirrored if settings.mirror else None,
    )


def source_digests(settings: TrainingSettings) -> dict[str, str]:
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


def _train_epoch(
    model: keras.Model,
    settings: TrainingSettings,
    epoch: int,
    material: _Material,
    callbacks: list[keras.callbacks.Callback],
    spread: Distribution,
) -> dict[str, list[Any]]:
    """Train `model` for one epoch; returns what Keras measured in it, also on the held-out images."""
    held_out = batches(
        to_float(material.validation.images), validation_targets(material.validation, settings), EVALUATION_BATCH
    )
    # The mirrored model is what is written, so that is validated, by a callback.
    validates = settings.validation and not settings.mirror
    with _step_failures_as_training_errors(settings), distribution.translate_lost_workers(spread):
        history: dict[str, list[Any]] = model.fit(
            batches(*epoch_data(material.training, settings, epoch, material.teachers), settings.batch_size),
            shuffle=False,
            initial_epoch=epoch,
            epochs=epoch + 1,
            validation_data=held_out if validates else None,
            verbose=0,
            callbacks=callbacks,
        ).history
        distribution.synchronize(model, spread)
    return history


def _add_to_history(progress: Progress, history: dict[str, list[Any]], settings: TrainingSettings) -> None:
    """Add an epoch's numbers to `progress`, but not what a metric of a person's own gives for each class."""
    numbers = {name: float(values[0]) for name, values in history.items() if np.ndim(values[0]) == 0}
    if not math.isfinite(numbers.get("loss", 0)):
        raise TrainingError(
            f"{settings.model}: the loss of epoch {progress.epochs + 1} is {numbers['loss']}, expected a finite "
            f"number; give a lower --learning-rate, or mend the model"
        )
    for name, value in numbers.items():
        progress.history.setdefault(name, []).append(value)


@contextlib.contextmanager
def _step_failures_as_training_errors(settings: TrainingSettings) -> Iterator[None]:
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
