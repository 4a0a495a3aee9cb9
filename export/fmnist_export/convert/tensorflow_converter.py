"""TensorFlow's own converters for a Keras model, set up for a batch of one. Needs tensorflow in this process."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.prepare.fixed_batch import with_fixed_batch

if TYPE_CHECKING:
    import keras


def float_converter(model: "keras.Model", calibration: NDArray[np.float32]) -> Any:
    """A tf.lite.TFLiteConverter for `model` on a batch of one, to float32.

    `calibration`, (N, ...) float32 as the model takes them, are the images on which the copy with the fixed batch is
    compared with `model`. Raises ExportError where the copy differs.
    """
    import tensorflow

    return tensorflow.lite.TFLiteConverter.from_keras_model(with_fixed_batch(model, calibration))


def calibrating_converter(model: "keras.Model", calibration: NDArray[np.float32]) -> Any:
    """A float_converter that also measures the ranges of activations on `calibration`."""
    import tensorflow

    converter = float_converter(model, calibration)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: one_by_one(calibration)
    return converter


def integer_converter(model: "keras.Model", calibration: NDArray[np.float32], output: Any = None) -> Any:
    """A calibrating_converter to int8 throughout, with int8 input and `output` (float32 by default) output."""
    import tensorflow

    converter = calibrating_converter(model, calibration)
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tensorflow.int8
    converter.inference_output_type = output or tensorflow.float32
    return converter


def one_by_one(images: NDArray[np.float32]) -> Any:
    """`images`, (N, ...), as the converter wants them: a generator of lists of one (1, ...) array."""
    return ([image[np.newaxis]] for image in images)
