"""Keras model -> TFLite flatbuffer in each precision that people use, by TensorFlow's own converter.

float32      as it is
float16      weights stored in float16, computed in float32: half the size
dynamic      int8 weights, float32 activations quantized on the fly
int8         int8 input, weights and activations, the last layer and its softmax in float32: Keras's answers in a
             quarter of the size (docs/int8.md tells why and what else was tried)
int8-strict  integers only, int8 in and out, for accelerators that take nothing else
int16x8      int16 activations with int8 weights
"""

import contextlib
import math
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.convert import hybrid, rounding
from fmnist_export.convert.compact import compact
from fmnist_export.convert.fixed_batch import with_fixed_batch
from fmnist_export.source.keras_model import import_tensorflow
from fmnist_keras.copies import is_rebuildable
from fmnist_runtime.errors import ExportError, ModelCopyError
from fmnist_runtime.flatbuffer import graph
from fmnist_runtime.model.model_file import mark

if TYPE_CHECKING:
    import keras

Calibration = NDArray[np.float32]

# Operators that only change the form of what a model answers: the last layer is in front of them.
_BEHIND_THE_LAST_LAYER = {"SOFTMAX", "LOGISTIC", "RESHAPE", "QUANTIZE", "DEQUANTIZE"}

# What the last layer may add to an int8 file by keeping float32 weights, as a share of the file: 4 % in the tutorial's
# model. A Dense layer on a flattened feature map would double a small network; it gets int8 weights (hybrid.py).
_LAST_LAYER_BUDGET = 0.1

# How the converter names the operators that TFLite does not have.
_FOREIGN = re.compile(r"(TF Select|Flex|Custom) ops: ([^\n]+?)\s*(?:\n|$)")


def convert(model: "keras.Model", precision: str, calibration: Calibration) -> bytes:
    """The flatbuffer of `model` in `precision`, a key of CONVERTERS, with a fixed batch of one.

    `calibration` is (N, ...) float32 as the model takes them, from the training split: what the ranges of int8 and
    int16 activations are measured on, and what every copy of the model is compared on. The same arguments give the same
    bytes. Raises ExportError where TensorFlow's converter refuses the model, ModelCopyError where a copy differs.
    """
    try:
        with quiet_output() as log:
            content = compact(CONVERTERS[precision](model, calibration))
    except (ExportError, ModelCopyError):
        raise
    except Exception as error:  # the converter raises ConverterError, ValueError, RuntimeError and more
        raise ExportError(_why_refused(precision, f"{error}\n" + "\n".join(log))) from error
    return mark(content)


def _why_refused(precision: str, message: str) -> str:
    if foreign := _FOREIGN.search(message):
        kind = "custom" if foreign[1] == "Custom" else "Flex"
        needs = "TensorFlow itself on the device" if kind == "Flex" else "kernels that no runtime has"
        return (
            f"the model in {precision} would need {needs} ({kind} operators {foreign[2]}), expected TFLite's own "
            f"operators; replace the layers that they come from"
        )
    reason = " ".join(message.split())[:300]
    return f"TensorFlow's converter refuses the model in {precision} ({reason}); try another --precision"


def _float32(model: "keras.Model", calibration: Calibration) -> bytes:
    return bytes(_converter(model, calibration).convert())


def _float16(model: "keras.Model", calibration: Calibration) -> bytes:
    tensorflow = import_tensorflow()
    converter = _converter(model, calibration)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tensorflow.float16]
    return bytes(converter.convert())


def _dynamic(model: "keras.Model", calibration: Calibration) -> bytes:
    converter = _converter(model, calibration)
    converter.optimizations = [import_tensorflow().lite.Optimize.DEFAULT]
    # With a scale for each channel a Dense layer becomes FULLY_CONNECTED version 12, which tflite-runtime 2.14
    # refuses; with one scale it stays at version 9. Private to TensorFlow, so the operator check has the last word.
    if hasattr(converter, "_experimental_disable_per_channel_quantization_for_dense_layers"):
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())


def _int8(model: "keras.Model", calibration: Calibration) -> bytes:
    prepared = rounding.prepared(model, calibration) if is_rebuildable(model) else model
    content, last, is_small = last_layer_in_float(prepared, calibration)
    return content if is_small else hybrid.with_int8_weights(content, last)


def last_layer_in_float(model: "keras.Model", calibration: Calibration) -> tuple[bytes, str, bool]:
    """int8 throughout but for the last layer, whose logits a step of int8 would blur into ties.

    Returns the flatbuffer, the name of the tensor that the last layer computes, and whether its weights are so few that
    they may stay in float32. `calibration` as in `convert`.
    """
    tensorflow = import_tensorflow()
    last, is_small = _last_layer(graph.read(_float32(model, calibration)))
    options = tensorflow.lite.experimental.QuantizationDebugOptions(denylisted_ops=["SOFTMAX"], denylisted_nodes=[last])
    debugger = tensorflow.lite.experimental.QuantizationDebugger(
        converter=_integer_converter(model, calibration),
        debug_dataset=lambda: ([image[np.newaxis]] for image in calibration[:1]),
        debug_options=options,
    )
    return _with_int8_input(debugger.get_nondebug_quantized_model()), last, is_small


def _int8_strict(model: "keras.Model", calibration: Calibration) -> bytes:
    int8 = import_tensorflow().int8
    return bytes(_integer_converter(model, calibration, output=int8).convert())


def _int16x8(model: "keras.Model", calibration: Calibration) -> bytes:
    tensorflow = import_tensorflow()
    converter = _integer_converter(model, calibration)
    kind = tensorflow.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.target_spec.supported_ops = [kind]
    converter.inference_input_type = converter.inference_output_type = tensorflow.int16
    return bytes(converter.convert())


CONVERTERS: dict[str, Callable[["keras.Model", Calibration], bytes]] = {
    "float32": _float32,
    "float16": _float16,
    "dynamic": _dynamic,
    "int8": _int8,
    "int8-strict": _int8_strict,
    "int16x8": _int16x8,
}


def _converter(model: "keras.Model", calibration: Calibration) -> Any:
    return import_tensorflow().lite.TFLiteConverter.from_keras_model(with_fixed_batch(model, calibration))


def _integer_converter(model: "keras.Model", calibration: Calibration, output: Any = None) -> Any:
    """A converter to int8 throughout, int8 in and `output` (float32 by default) out."""
    tensorflow = import_tensorflow()
    converter = _converter(model, calibration)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in calibration)
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tensorflow.int8
    converter.inference_output_type = output or tensorflow.float32
    return converter


def _last_layer(model: graph.Graph) -> tuple[str, bool]:
    """The name of what the last layer of a float32 `model` computes, and whether its weights are few enough to stay."""
    producers = {output: operator for operator in model.operators for output in operator.outputs}
    last = producers[model.outputs[0]]
    while last.name in _BEHIND_THE_LAST_LAYER and last.inputs[0] in producers:
        last = producers[last.inputs[0]]
    constants = [number for number, tensor in enumerate(model.tensors) if tensor.data.length]
    whole = sum(math.prod(model.tensors[number].shape) for number in constants)
    own = sum(math.prod(model.tensors[number].shape) for number in set(last.inputs) & set(constants))
    # float32 takes 3 bytes a weight more than int8.
    return model.tensors[last.outputs[0]].name, 3 * own <= _LAST_LAYER_BUDGET * whole


def _with_int8_input(content: bytes) -> bytes:
    """`content` with int8 in place of float32 at its input: QUANTIZE there becomes the caller's business."""
    from tensorflow.lite.python.util import modify_model_io_type

    tensorflow = import_tensorflow()
    changed = bytes(modify_model_io_type(content, tensorflow.int8, tensorflow.float32))
    model = graph.read(changed)
    if model.tensors[model.inputs[0]].dtype != "int8":
        raise ExportError("the converter did not make the input int8; export with --precision int8-strict")
    return changed


@contextlib.contextmanager
def quiet_output() -> Iterator[list[str]]:
    """Keep what the converter prints, in Python and in C++, off the terminal; yields a list that gets it at the end."""
    log: list[str] = []
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with tempfile.TemporaryFile() as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield log
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, descriptor in enumerate(saved, start=1):
                os.dup2(descriptor, number)
                os.close(descriptor)
            file.seek(0)
            log.extend(file.read().decode("utf-8", "replace").splitlines())
