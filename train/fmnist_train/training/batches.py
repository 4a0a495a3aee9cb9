"""What a model sees in each epoch: the images in the epoch's order, changed, with their targets, in batches.

The order and the changes are drawn from (seed, epoch), so a training that is resumed sees what it would have seen.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from fmnist_runtime.data.dataset import Split, to_float
from fmnist_train.models.distillation import Teachers, smoothed
from fmnist_train.models.settings import TrainingSettings
from fmnist_train.training.augmentation import erase, move


def epoch_data(
    split: Split, settings: TrainingSettings, epoch: int, teachers: Teachers | None
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """The images of an epoch, (N, 28, 28) in 0..1, in its order and changed by `settings`, and their targets.

    Targets are (N,) int32 labels, or (N, 10) float32 probabilities where labels are smoothed or teachers give some.
    """
    order = np.random.default_rng([settings.seed, epoch]).permutation(len(split.images))
    rng = np.random.default_rng([settings.seed, epoch, 1])
    moved, placement = move(split.images[order], rng, flip=settings.flip, shift=settings.shift)
    images, labels = to_float(erase(moved, rng, settings.erase)), split.labels[order]
    if not settings.has_soft_targets:
        return images, labels.astype(np.int32)
    targets = smoothed(labels, settings.label_smoothing)
    if teachers:
        # Teachers see the whole image, where the model sees one with a part erased.
        targets = teachers.mix(targets, moved, order, placement, settings.teacher_weight)
    return images, targets


def validation_targets(split: Split, settings: TrainingSettings) -> NDArray[Any]:
    """The labels as the loss takes them: (N,) int32, or (N, 10) float32 where it takes probabilities."""
    return smoothed(split.labels, 0) if settings.has_soft_targets else split.labels.astype(np.int32)


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
