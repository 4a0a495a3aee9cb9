"""int8 throughout except for the last layer: a step of int8 would turn close logits into ties."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_export.convert.tensorflow_converter import float_converter, integer_converter, one_by_one
from fmnist_runtime.flatbuffer import graph
from fmnist_runtime.flatbuffer.graph import Graph

if TYPE_CHECKING:
    import keras

# Operators that only change the form of the output: the last layer is in front of them.
_BEHIND_THE_LAST_LAYER = {"SOFTMAX", "LOGISTIC", "RESHAPE", "QUANTIZE", "DEQUANTIZE"}

# The size that float32 weights in the last layer may add to an int8 file, as a share of the file: 4 % in the tutorial's
# model. A Dense layer on a flattened feature map would double a small network; it gets int8 weights (hybrid.py).
_BUDGET = 0.1


class FloatLastLayer(NamedTuple):
    """An int8 flatbuffer whose last layer is in float32.

    `tensor` is the name of that layer's output tensor. `is_small` is true where its weights are few enough to stay in
    float32.
    """

    content: bytes
    tensor: str
    is_small: bool


def with_float_last_layer(model: "keras.Model", calibration: NDArray[np.float32]) -> FloatLastLayer:
    """Convert `model` to int8 except for its last layer. `calibration` is as in converter.convert."""
    import tensorflow

    tensor, is_small = _last_layer(graph.read(bytes(float_converter(model, calibration).convert())))
    debugger = tensorflow.lite.experimental.QuantizationDebugger(
        converter=integer_converter(model, calibration),
        debug_dataset=lambda: one_by_one(calibration[:1]),
        debug_options=tensorflow.lite.experimental.QuantizationDebugOptions(
            denylisted_ops=["SOFTMAX"], denylisted_nodes=[tensor]
        ),
    )
    return FloatLastLayer(_with_int8_input(debugger.get_nondebug_quantized_model()), tensor, is_small)


def _last_layer(model: Graph) -> tuple[str, bool]:
    """The name of the output tensor of the last layer of a float32 `model`, and whether its weights fit the budget."""
    producers = {output: operator for operator in model.operators for output in operator.outputs}
    last = producers[model.outputs[0]]
    while last.name in _BEHIND_THE_LAST_LAYER and last.inputs[0] in producers:
        last = producers[last.inputs[0]]
    constants = [number for number, tensor in enumerate(model.tensors) if tensor.data.length]
    whole = sum(math.prod(model.tensors[number].shape) for number in constants)
    own = sum(math.prod(model.tensors[number].shape) for number in set(last.inputs) & set(constants))
    # A float32 weight takes 3 bytes more than an int8 one.
    return model.tensors[last.outputs[0]].name, 3 * own <= _BUDGET * whole


def _with_int8_input(content: bytes) -> bytes:
    """`content` with an int8 input in place of float32: the caller does what its QUANTIZE did.

    Where TensorFlow leaves the input in float32, graph_checks refuses the file.
    """
    import tensorflow
    from tensorflow.lite.python.util import modify_model_io_type

    return bytes(modify_model_io_type(content, tensorflow.int8, tensorflow.float32))
