"""Batch normalization that trains faster, in place of Keras's own while a model is trained.

Keras 3 computes it from a dozen TensorFlow operators, each a pass over the activations; TensorFlow has one kernel for
all of it. The trained model gets Keras's own layers again, so that its file loads everywhere.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from fmnist_keras import comparison, copies
from fmnist_keras.messages import one_line
from fmnist_runtime.errors import FmnistError, TrainingError


@keras.saving.register_keras_serializable(package="fmnist_train")
class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # keras has no types
    """keras.layers.BatchNormalization over the channels of (N, H, W, C) float32, by TensorFlow's fused kernel."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The normalized `inputs`; in training by their own mean and variance, which also update the moving ones."""
        if not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1 - self.momentum))
        return outputs


def fused(model: keras.Model) -> keras.Model:
    """A copy of `model` with the fused kernel wherever that fits.

    `model` itself where Keras cannot rebuild it, or where the copy, or what `plain` makes of the copy, is not the same
    model: training is slower then, but right.
    """
    try:
        copy = _replace(model, _fusible, FusedBatchNormalization)
        same = copy is model or (comparison.is_same(model, copy) and comparison.is_same(model, _plain(copy)))
    except Exception:  # a layer that cannot be rebuilt: the fused kernel is only faster
        return model
    return copy if same else model


def plain(model: keras.Model) -> keras.Model:
    """A copy of `model`, which `fused` returned, with Keras's own layers and the same state.

    Raises ModelCopyError where the copy does not give the outputs of `model`.
    """
    copy = _plain(model)
    if copy is not model:
        comparison.check_same(model, copy, "the copy with Keras's own batch normalization")
    return copy


def rebuilt(model: keras.Model) -> keras.Model:
    """A new copy of `model`, which Keras can rebuild, with Keras's own layers. Not compared with `model`."""
    return _rebuild(model, _is_fused, keras.layers.BatchNormalization)


def _plain(model: keras.Model) -> keras.Model:
    return _replace(model, _is_fused, keras.layers.BatchNormalization)


def _is_fused(layer: keras.layers.Layer) -> bool:
    return type(layer) is FusedBatchNormalization


def _fusible(layer: keras.layers.Layer) -> bool:
    return (
        type(layer) is keras.layers.BatchNormalization
        and layer.compute_dtype == "float32"
        and layer.center
        and layer.scale
        and len(layer.input.shape) == 4
        and layer.axis in (-1, 3)
    )


def _replace(
    model: keras.Model, wanted: Callable[[keras.layers.Layer], bool], by: type[keras.layers.Layer]
) -> keras.Model:
    if not copies.is_rebuildable(model) or not any(wanted(layer) for layer in model.layers):
        return model
    return _rebuild(model, wanted, by)


def _rebuild(
    model: keras.Model, wanted: Callable[[keras.layers.Layer], bool], by: type[keras.layers.Layer]
) -> keras.Model:
    def change(layer: keras.layers.Layer) -> keras.layers.Layer:
        return (by if wanted(layer) else type(layer)).from_config(layer.get_config())

    try:
        return copies.rebuild(model, change)
    except FmnistError:
        raise
    except Exception as error:  # a layer raises anything because of its configuration
        raise TrainingError(f"{model.name}: cannot be built again layer by layer ({one_line(error)})") from error
