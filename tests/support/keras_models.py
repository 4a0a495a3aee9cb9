"""Small Keras classifiers of many builds, trained for seconds, for the tests of the export."""

import functools
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import layers

from fmnist_export.source import data_sets
from fmnist_runtime.data.dataset import Dataset, Split
from fmnist_train.models.mirroring import mirrored

_TRAINING_IMAGES = 6000


@functools.cache
def dataset() -> Dataset:
    """All training images, and 2,000 test images: enough to prove, quicker than all."""
    whole = data_sets.load()
    return replace(whole, test=Split(whole.test.images[:2000], whole.test.labels[:2000]))


def sequential() -> keras.Model:
    return keras.Sequential(
        [keras.Input((28, 28)), layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(10, "softmax")]
    )


def functional_logits() -> keras.Model:
    image = keras.Input((28, 28))
    hidden = layers.Dense(32, "relu")(layers.Flatten()(image))
    return keras.Model(image, layers.Dense(10)(layers.Dense(24, "relu")(hidden)))


def rescaling() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(32, "relu"),
            layers.Dense(10, "softmax"),
        ]
    )


def rescaling_to_both_signs() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Flatten(),
            layers.Dense(32, "relu"),
            layers.Dense(10),
        ]
    )


def both_signs_unsaid() -> keras.Model:
    return sequential()


def batch_norm() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, strides=2, use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, "softmax"),
        ]
    )


def depthwise() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.DepthwiseConv2D(3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(6.0),
            layers.SeparableConv2D(24, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, "softmax"),
        ]
    )


def pooling() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.1),
            layers.Flatten(),
            layers.Dense(10),
            layers.Softmax(),
        ]
    )


def residual() -> keras.Model:
    image = keras.Input((28, 28, 1))
    first = layers.Conv2D(12, 3, strides=2, padding="same", activation="relu")(image)
    second = layers.Conv2D(12, 3, padding="same")(first)
    joined = layers.ReLU()(layers.Add()([first, second]))
    pooled = layers.Conv2D(24, 3, strides=2, activation="relu")(layers.ZeroPadding2D(1)(joined))
    return keras.Model(image, layers.Dense(10, "softmax")(layers.Flatten()(pooled)))


def nested() -> keras.Model:
    body = keras.Sequential([keras.Input((784,)), layers.Dense(32, "relu"), layers.Dense(16, "relu")], name="body")
    return keras.Sequential([keras.Input((28, 28)), layers.Reshape((784,)), body, layers.Dense(10, "softmax")])


def shared_layer() -> keras.Model:
    image = keras.Input((28, 28))
    hidden = layers.Dense(24, "relu")(layers.Flatten()(image))
    twice = layers.Dense(24, "relu")
    return keras.Model(image, layers.Dense(10, "softmax")(twice(twice(hidden))))


def operations() -> keras.Model:
    """Slices and functions of keras.ops: Keras keeps them as operations, which have no options of layers."""
    image = keras.Input((28, 28))
    x = keras.ops.concatenate([image[:, 2:-2], keras.ops.flip(image[:, :2], axis=2)], axis=1)
    hidden = layers.Dense(32, "relu")(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(10, "softmax")(layers.Dense(24, "relu")(hidden * 0.5)))


def both_sides() -> keras.Model:
    """What fmnist-train --mirror makes of a model."""
    return mirrored(residual())


def fixed_batch() -> keras.Model:
    # Keras trains on batches of one only here; the weights come from a model of any batch.
    image = keras.Input(batch_shape=(1, 28, 28))
    trained = fit(sequential())
    model = keras.models.clone_model(trained, input_tensors=image)
    model.set_weights(trained.get_weights())
    return model


BUILDERS: dict[str, Callable[[], keras.Model]] = {
    builder.__name__: builder
    for builder in (
        sequential,
        functional_logits,
        rescaling,
        rescaling_to_both_signs,
        both_signs_unsaid,
        batch_norm,
        depthwise,
        pooling,
        residual,
        nested,
        shared_layer,
        operations,
        both_sides,
        fixed_batch,
    )
}


def fit(model: keras.Model, low: float = 0.0, high: float = 1.0, epochs: int = 4) -> keras.Model:
    """Train `model` for seconds, pixel 0 as `low` and 255 as `high`."""
    images = dataset().train.images[:_TRAINING_IMAGES].reshape(-1, *model.input_shape[1:])
    labels = dataset().train.labels[:_TRAINING_IMAGES].astype(np.int32)
    logits = not (model.layers[-1].name.startswith("softmax") or "softmax" in str(model.layers[-1].get_config()))
    model.compile(
        keras.optimizers.Adam(0.003),
        keras.losses.SparseCategoricalCrossentropy(from_logits=logits),
        steps_per_execution=31,
    )
    pixels = low + images.astype(np.float32) * np.float32((high - low) / 255)
    model.fit(pixels[:5952], labels[:5952], batch_size=64, epochs=epochs, verbose=0)
    return model


def trained(name: str) -> keras.Model:
    """The model of BUILDERS called `name`, trained on the pixels that it wants: a copy of its own at each call."""
    with tempfile.TemporaryDirectory() as folder:
        return keras.models.load_model(save(name, Path(folder)))


def save(name: str, folder: Path) -> Path:
    """Save the trained model of BUILDERS called `name` in `folder`."""
    path = folder / f"{name}.keras"
    path.write_bytes(_file(name))
    return path


@functools.cache
def _file(name: str) -> bytes:
    """The .keras file of the model `name`, which is trained once in a process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        _train(name).save(path)
        return path.read_bytes()


def _train(name: str) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = BUILDERS[name]()
    if name == "fixed_batch":
        return model
    low, high = (0.0, 255.0) if name.startswith("rescaling") else (-1.0, 1.0) if name == "both_signs_unsaid" else (0, 1)
    # After 4 epochs on -1..1 this one does as well on standardized pixels, and its range cannot be told.
    return fit(model, low, high, epochs=8 if name == "both_signs_unsaid" else 4)
