"""The Keras models that fmnist-train knows by name. Each takes (28, 28) float32 in 0..1 and gives 10 probabilities.

The convolutional ones are small residual networks (He et al. 2015, arXiv:1512.03385) of operators that every
interpreter runs fast: 3x3 convolutions, additions and one mean. Batch normalization is folded into the convolutions at
export.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES

Builder = Callable[[], keras.Model]


def mlp() -> keras.Model:
    """The model of TensorFlow's tutorial "Basic classification": Flatten, Dense 128 relu, Dense 10 softmax.

    101,770 parameters. The tutorial adds the softmax after training; here it is the last layer, so that the .keras
    file gives probabilities.
    """
    return keras.Sequential(
        [
            keras.Input((28, 28), name="image"),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(len(CLASS_NAMES), activation="softmax"),
        ],
        name="mlp",
    )


def cnn_nano() -> keras.Model:
    """A residual network of 20,000 parameters, for a file of 32 KB."""
    image, x = image_input()
    x = convolution(x, 16, 4, 2)
    x = residual(residual(x))
    x = convolution(x, 24, strides=2)
    return classifier(image, convolution(x, 32), "cnn-nano")


def cnn_micro() -> keras.Model:
    """A residual network of 95,000 parameters, for a file of 110 KB, the size of the `mlp`."""
    image, x = image_input()
    x = convolution(x, 24, 4, 2)
    x = residual(residual(x))
    x = residual(convolution(x, 48, strides=2))
    return classifier(image, convolution(x, 48), "cnn-micro")


def cnn_small() -> keras.Model:
    """A residual network of 280,000 parameters, for a file of 300 KB."""
    image, x = image_input()
    x = residual(residual(convolution(x, 32, 4, 2)))
    x = residual(residual(residual(convolution(x, 64, strides=2))))
    return classifier(image, x, "cnn-small")


def cnn_large() -> keras.Model:
    """A residual network of 420,000 parameters, one of the teachers of the smaller ones."""
    image, x = image_input()
    x = residual(convolution(x, 48, 4, 2))
    x = residual(residual(convolution(x, 96, strides=2)))
    return classifier(image, x, "cnn-large")


def first_teacher() -> keras.Model:
    """A residual network of 260,000 parameters, the first teacher of the others: cnn-small with one block fewer."""
    image, x = image_input()
    x = residual(convolution(x, 32, 4, 2))
    x = residual(residual(residual(convolution(x, 64, strides=2))))
    return classifier(image, x, "first-teacher")


def image_input() -> tuple[Any, Any]:
    """The input, (28, 28), and the input with a channel, (28, 28, 1)."""
    image = keras.Input((28, 28), name="image")
    return image, layers.Reshape((28, 28, 1))(image)


def convolution(x: Any, channels: int, size: int = 3, strides: int = 1, *, relu: bool = True) -> Any:
    """A convolution of `size` x `size`, batch normalization and, with `relu`, a ReLU."""
    x = layers.Conv2D(channels, size, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x) if relu else x


def residual(x: Any) -> Any:
    """Two convolutions that keep the shape of `x`, and `x` added to their output."""
    y = convolution(x, x.shape[-1])
    y = convolution(y, x.shape[-1], relu=False)
    return layers.ReLU()(layers.Add()([x, y]))


def classifier(image: Any, x: Any, name: str) -> keras.Model:
    """The model from `image` to the probabilities: the mean of `x` over height and width, and one Dense layer."""
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(len(CLASS_NAMES), activation="softmax")(x), name=name)


MODELS: dict[str, Builder] = {
    "mlp": mlp,
    "cnn-nano": cnn_nano,
    "cnn-micro": cnn_micro,
    "cnn-small": cnn_small,
    "cnn-large": cnn_large,
    "first-teacher": first_teacher,
}
