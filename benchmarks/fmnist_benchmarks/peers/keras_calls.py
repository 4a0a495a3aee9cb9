"""The calls that classify one image with the Keras model itself: each a function from (28, 28) uint8 to the class.

They need tensorflow, and so a process of its own in which no tflite-runtime is imported. One thread, as all calls.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Call = Callable[[Image], Any]


def predict(model: Path, _: str) -> Call:
    """`model.predict(image)`, as at the end of the tutorial. Keras recommends it for batches."""
    ask = _load(model).predict
    return lambda image: ask(image[np.newaxis] / np.float32(255), verbose=0)[0].argmax()


def call(model: Path, _: str) -> Call:
    """`model(image, training=False)`, which Keras's documentation of predict recommends for small inputs."""
    ask = _load(model)
    return lambda image: ask(image[np.newaxis] / np.float32(255), training=False).numpy()[0].argmax()


def tf_function(model: Path, _: str) -> Call:
    """The call as a tf.function of a fixed input signature, traced once, as TensorFlow's guide recommends."""
    keras_model = _load(model)
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((1, 28, 28), tf.float32)])  # type: ignore[untyped-decorator]
    def ask(images: Any) -> Any:
        return keras_model(images, training=False)

    constant = tf.constant
    return lambda image: ask(constant(image[np.newaxis] / np.float32(255))).numpy()[0].argmax()


CALLS: dict[str, Callable[[Path, str], Call]] = {"predict": predict, "call": call, "tf_function": tf_function}


def _load(model: Path) -> Any:
    import os

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras

    return keras.models.load_model(model, compile=False)
