"""Small Keras models for the tests of --explain: drawn at random, the last layer fitted by least squares."""

from typing import Any

import numpy as np

from fmnist_runtime.data import dataset
from fmnist_runtime.data.dataset import to_float


def cnn(training: dataset.Split) -> Any:
    """Convolutions with BatchNorm, a depthwise one and a residual sum; drawn at random, the last layer fitted.

    The first channel of the depthwise convolution is always 0.
    """
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    inputs = keras.Input((28, 28))
    x = layers.Reshape((28, 28, 1), name="channel")(inputs)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    x = shortcut = layers.ReLU()(layers.BatchNormalization(name="scaled")(x))
    x = layers.Conv2D(8, 1, name="pointwise")(x)
    x = layers.ReLU()(layers.Add(name="sum")([shortcut, x]))
    x = layers.Dense(64, activation="relu", name="hidden")(layers.Flatten(name="flat")(x))
    x = layers.Dense(10, activation="softmax", name="classes")(x)
    model = keras.Model(inputs, x)
    gamma, beta, *moving = model.get_layer("scaled").get_weights()
    gamma[0], beta[0] = 0, -1
    model.get_layer("scaled").set_weights([gamma, beta, *moving])
    fit_last_layer(model, training)
    return model


def mlp(training: dataset.Split) -> Any:
    """Four Dense layers, drawn at random, the last fitted. The first unit of the first is always 0."""
    import keras

    keras.utils.set_random_seed(1)
    names = ("first", "second", "hidden")
    dense = [keras.layers.Dense(48, activation="relu", name=name) for name in names]
    last = keras.layers.Dense(10, activation="softmax", name="classes")
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), *dense, last])
    kernel, bias = dense[0].get_weights()
    kernel[:, 0], bias[0] = 0, -1
    dense[0].set_weights([kernel, bias])
    fit_last_layer(model, training)
    return model


def fit_last_layer(model: Any, training: dataset.Split) -> None:
    """Least squares in place of training: logits of 10 for the right class and 0 for the others."""
    import keras

    last = model.layers[-1]
    features = keras.Model(model.inputs, last.input).predict(to_float(training.images[:4000]), verbose=0)
    rows = np.concatenate([features, np.ones((len(features), 1), np.float32)], axis=1)
    wanted = 10 * np.eye(10, dtype=np.float32)[training.labels[:4000]]
    solution = np.linalg.lstsq(rows, wanted, rcond=1e-5)[0]
    last.set_weights([solution[:-1], solution[-1]])
