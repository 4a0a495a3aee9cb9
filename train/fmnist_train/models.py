"""The Keras models that fmnist-train knows by name. Each takes (28, 28) float32 in 0..1 and gives 10 probabilities."""

from collections.abc import Callable

import keras

from fmnist_runtime.labels import CLASS_NAMES

Builder = Callable[[], keras.Model]


def mlp() -> keras.Model:
    """The model of TensorFlow's tutorial "Basic classification": Flatten, Dense 128 relu, Dense 10 softmax.

    101,770 parameters. The tutorial puts the softmax behind the trained model; here it is the last layer, so that the
    .keras file answers in probabilities.
    """
    return keras.Sequential(
        [
            keras.Input((28, 28), name="image"),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(len(CLASS_NAMES), activation="softmax"),
        ],
        name="mlp",
    )


MODELS: dict[str, Builder] = {"mlp": mlp}
