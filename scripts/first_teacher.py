"""The first teacher of the shipped models: cnn-small with one block fewer. `fmnist-train --model FILE.py:build`."""

import keras

from fmnist_train.models import classifier, convolution, image_input, residual


def build() -> keras.Model:
    """A residual network of 260,000 parameters."""
    image, x = image_input()
    x = residual(convolution(x, 32, 4, 2))
    x = residual(residual(residual(convolution(x, 64, strides=2))))
    return classifier(image, x, "first-teacher")
