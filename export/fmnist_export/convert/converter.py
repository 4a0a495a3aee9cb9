"""Keras model -> TFLite flatbuffer in each common precision, by TensorFlow's own converter.

float32      unchanged
float16      weights stored in float16, computed in float32: half the size
dynamic      int8 weights; float32 activations are quantized at each call
int8         int8 input, weights and activations, the last layer and its softmax in float32: the same answers as Keras
             at a quarter of the size (docs/int8.md has the reasons and the alternatives)
int8-strict  integers only, int8 in and out, for accelerators that accept nothing else
int16x8      int16 activations with int8 weights
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist_export.convert import hybrid
from fmnist_export.convert.compact import compact
from fmnist_export.convert.flatbuffer import Flatbuffer
from fmnist_export.convert.last_layer import with_float_last_layer
from fmnist_export.convert.quiet_output import quiet_output
from fmnist_export.convert.tensorflow_converter import float_converter, integer_converter
from fmnist_export.prepare import rounding
from fmnist_export.prepare.rounding import PreparedModel
from fmnist_keras.copies import is_rebuildable
from fmnist_runtime.errors import ExportError

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float32]

# How the converter reports operators that TFLite does not have.
_FOREIGN = re.compile(r"(TF Select|Flex|Custom) ops: ([^\n]+?)\s*(?:\n|$)")


def convert(model: "keras.Model", precision: str, calibration: Floats) -> Flatbuffer:
    """Convert `model` to `precision`, a key of CONVERTERS, with a fixed batch of one; the result is parsed and marked.

    `calibration` is (N, ...) float32 as the model takes them, from the training split: the ranges of int8 and int16
    activations are measured on them, and every copy of the model is compared on them. The same arguments give the same
    bytes. Raises ExportError where TensorFlow's converter refuses the model, or where a copy differs from it.
    """
    return convert_prepared(prepare(model, precision, calibration), precision, calibration)


def prepare(model: "keras.Model", precision: str, calibration: Floats) -> PreparedModel:
    """The model for the converter: for int8 a copy of `model` with prepared weights, else `model` itself.

    Arguments and errors as for `convert`.
    """
    if precision != "int8" or not is_rebuildable(model):
        return PreparedModel(model, {})
    with _refusal(precision):
        return rounding.prepare(model, calibration)


def convert_prepared(prepared: PreparedModel, precision: str, calibration: Floats) -> Flatbuffer:
    """Convert what `prepare` returned for the same `precision` and `calibration`. Errors as for `convert`."""
    with _refusal(precision):
        content = compact(CONVERTERS[precision](prepared.model, calibration))
    return Flatbuffer.parse(content).with_marker()


@contextlib.contextmanager
def _refusal(precision: str) -> Iterator[None]:
    """Turn every error inside into an ExportError with its reason, and keep TensorFlow's output off the terminal."""
    try:
        with quiet_output() as log:
            yield
    except ExportError:
        raise
    except Exception as error:  # the converter raises ConverterError, ValueError, RuntimeError and more
        raise ExportError(_reason(precision, f"{error}\n" + "\n".join(log))) from error


def _reason(precision: str, message: str) -> str:
    """Why the converter refused the model, from its error `message`, and what to do."""
    if foreign := _FOREIGN.search(message):
        kind = "custom" if foreign[1] == "Custom" else "Flex"
        needs = "kernels that no runtime has" if kind == "custom" else "TensorFlow itself on the device"
        return (
            f"the model in {precision} would need {needs} ({kind} operators {foreign[2]}), expected TFLite's own "
            f"operators; replace the layers that use them"
        )
    reason = " ".join(message.split())[:300]
    return f"TensorFlow's converter refuses the model in {precision} ({reason}); try another --precision"


def _float32(model: "keras.Model", calibration: Floats) -> bytes:
    return bytes(float_converter(model, calibration).convert())


def _float16(model: "keras.Model", calibration: Floats) -> bytes:
    import tensorflow

    converter = float_converter(model, calibration)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tensorflow.float16]
    return bytes(converter.convert())


def _dynamic(model: "keras.Model", calibration: Floats) -> bytes:
    import tensorflow

    converter = float_converter(model, calibration)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    # With a scale for each channel a Dense layer becomes FULLY_CONNECTED version 12, which tflite-runtime 2.14
    # refuses; with one scale it stays at version 9. The option is private to TensorFlow, so the targets' operator check
    # decides.
    if hasattr(converter, "_experimental_disable_per_channel_quantization_for_dense_layers"):
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())


def _int8(model: "keras.Model", calibration: Floats) -> bytes:
    converted = with_float_last_layer(model, calibration)
    return converted.content if converted.is_small else hybrid.with_int8_weights(converted.content, converted.tensor)


def _int8_strict(model: "keras.Model", calibration: Floats) -> bytes:
    import tensorflow

    return bytes(integer_converter(model, calibration, output=tensorflow.int8).convert())


def _int16x8(model: "keras.Model", calibration: Floats) -> bytes:
    import tensorflow

    converter = integer_converter(model, calibration)
    kind = tensorflow.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.target_spec.supported_ops = [kind]
    converter.inference_input_type = converter.inference_output_type = tensorflow.int16
    return bytes(converter.convert())


CONVERTERS: dict[str, Callable[["keras.Model", Floats], bytes]] = {
    "float32": _float32,
    "float16": _float16,
    "dynamic": _dynamic,
    "int8": _int8,
    "int8-strict": _int8_strict,
    "int16x8": _int16x8,
}
