"""Models from (28, 28) to 10 classes, each with a layer that keeps its state in its own way."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

IMAGES = np.random.default_rng(7).random((200, 28, 28), np.float32)


@keras.saving.register_keras_serializable(package="tests")
class Shift(layers.Layer):  # type: ignore[misc]  # keras has no types
    """Computes with a value that it derives from its weight on loading, as Normalization does."""

    def build(self, shape: Any) -> None:
        self.kept = self.add_weight(shape=(), initializer="zeros", trainable=False, name="kept")
        self.finalize_state()

    def finalize_state(self) -> None:
        self.derived = float(self.kept)

    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables(store)
        self.finalize_state()

    def call(self, inputs: Any) -> Any:
        return inputs * self.derived


@keras.saving.register_keras_serializable(package="tests")
class Table(layers.Layer):  # type: ignore[misc]
    """Saves numbers that are not weights, by its own methods."""

    table = np.ones(28, np.float32)

    def save_own_variables(self, store: Any) -> None:
        store["table"] = self.table

    def load_own_variables(self, store: Any) -> None:
        self.table = np.asarray(store["table"])

    def call(self, inputs: Any) -> Any:
        return inputs * self.table


@keras.saving.register_keras_serializable(package="tests")
class Both(layers.Layer):  # type: ignore[misc]
    """A layer that contains other layers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.first, self.second = layers.Normalization(axis=None), layers.Dense(20)

    def build(self, shape: Any) -> None:
        self.first.build(shape)
        self.second.build(shape)

    def call(self, inputs: Any) -> Any:
        return self.second(self.first(inputs))


def adapted(axis: Any = None, scale: float = 1.0, **options: Any) -> layers.Normalization:
    layer = layers.Normalization(axis=axis, **options)
    layer.adapt(scale * IMAGES)
    return layer


def _channel(layer: Any) -> list[Any]:
    return [layers.Reshape((28, 28, 1)), layer]


def _shift() -> list[Any]:
    layer = Shift()
    layer.build((None, 28, 28))
    layer.kept.assign(3.0)
    layer.finalize_state()
    return [layer]


def _table() -> list[Any]:
    layer = Table()
    layer.table = np.linspace(0, 3, 28, dtype=np.float32)
    return [layer]


def _both() -> list[Any]:
    layer = Both()
    layer.build((None, 28, 28))
    layer.first.adapt(IMAGES)
    return [layer]


def _discretization() -> list[Any]:
    layer = layers.Discretization(num_bins=5)
    layer.adapt(IMAGES)
    return [layer]


def _lookup() -> list[Any]:
    layer = layers.IntegerLookup(output_mode="int")
    layer.adapt(np.arange(200, 256))
    return [layers.Rescaling(255.0), layers.Discretization(bin_boundaries=[210.0, 225.0, 240.0]), layer]


def _nested(*inside: Any) -> keras.Model:
    return keras.Sequential([keras.Input((28, 28)), *inside], name="inner")


def _functional_nested() -> keras.Model:
    image = keras.Input((28, 28))
    return keras.Model(image, layers.Dense(30)(adapted()(layers.Rescaling(2.0)(image))), name="inner")


# What stands before Flatten and Dense(10, softmax). The state of each is what `given_state` makes of it.
BODIES: dict[str, Callable[[], list[Any]]] = {
    "Normalization": lambda: [adapted()],
    "Normalization per pixel": lambda: [adapted((1, 2))],
    "Normalization per column": lambda: [adapted(-1)],
    "Normalization inverted": lambda: [adapted(invert=True)],
    "Normalization that was told": lambda: [layers.Normalization(axis=None, mean=0.3, variance=0.1)],
    "Normalization behind a Rescaling": lambda: [layers.Rescaling(255.0), adapted(scale=255.0)],
    "Normalization nested": lambda: [_nested(layers.Rescaling(2.0), adapted())],
    "Normalization nested twice": lambda: [_nested(_nested(adapted()))],
    "Normalization in a functional one": lambda: [_functional_nested()],
    "Normalization in another layer": _both,
    "Normalization twice": lambda: [adapted(), layers.Dense(20), adapted_of(20)],
    "own derived": _shift,
    "own table": _table,
    "Discretization": _discretization,
    "IntegerLookup": _lookup,
    "CategoryEncoding": lambda: [layers.Flatten(), layers.Rescaling(9.0), layers.CategoryEncoding(10, "multi_hot")],
    "BatchNormalization": lambda: _channel(layers.BatchNormalization()),
    "GroupNormalization": lambda: [layers.GroupNormalization(4)],
    "LayerNormalization": lambda: [layers.LayerNormalization()],
    "UnitNormalization": lambda: [layers.UnitNormalization()],
    "RMSNormalization": lambda: [layers.RMSNormalization()],
    "SpectralNormalization": lambda: [layers.SpectralNormalization(layers.Dense(20))],
    "LSTM": lambda: [layers.LSTM(12)],
    "GRU in both directions": lambda: [layers.Bidirectional(layers.GRU(8))],
    "ConvLSTM": lambda: [layers.Reshape((4, 7, 28, 1)), layers.ConvLSTM2D(3, 3)],
    "TimeDistributed": lambda: [layers.TimeDistributed(layers.Dense(6))],
    "MultiHeadAttention": lambda: [attention()],
    "EinsumDense": lambda: [layers.EinsumDense("abc,cd->abd", (28, 9))],
    "Conv2D": lambda: _channel(layers.Conv2D(3, 3)),
    "Conv2DTranspose": lambda: _channel(layers.Conv2DTranspose(2, 3)),
    "SeparableConv2D": lambda: _channel(layers.SeparableConv2D(3, 3)),
    "DepthwiseConv2D": lambda: _channel(layers.DepthwiseConv2D(3)),
    "PReLU": lambda: [layers.PReLU()],
    "Dropout and noise": lambda: [layers.Dropout(0.5), layers.GaussianNoise(0.3)],
    "augmentation": lambda: [*_channel(layers.RandomFlip()), layers.RandomRotation(0.2)],
}


def adapted_of(features: int) -> layers.Normalization:
    layer = layers.Normalization(axis=None)
    layer.adapt(np.random.default_rng(1).normal(3, 2, (100, 28, features)).astype(np.float32))
    return layer


def attention() -> keras.Model:
    rows = keras.Input((28, 28))
    return keras.Model(rows, layers.MultiHeadAttention(2, 8)(rows, rows))


def build(name: str) -> keras.Model:
    """The model `name`, all of its weights changed from their initial values, as after a training."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.Input((28, 28)), *BODIES[name](), layers.Flatten(), layers.Dense(10, "softmax")], name="model"
    )
    rng = np.random.default_rng(5)
    for weight in model.trainable_weights:
        weight.assign(np.asarray(weight) + rng.normal(0, 0.05, weight.shape).astype(np.float32))
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(layer.moving_mean + 0.2)
            layer.moving_variance.assign(layer.moving_variance * 0.3)
    return model
