"""The operators of a converted model that compute a layer, and their weights."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.convert.flatbuffer import Flatbuffer
from fmnist_runtime.errors import ExportError
from fmnist_runtime.flatbuffer.graph import Graph, Operator

# Operators with weights: their second input.
WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
# Operators that move values and do not round.
MOVING = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "PAD", "SLICE", "STRIDED_SLICE", "GATHER"}
# Operators between the integer and the float part of a model; they belong to no layer.
_BORDERS = {"QUANTIZE", "DEQUANTIZE"}


def layers(model: Graph) -> list[Operator]:
    """The operators of `model` that compute a layer, in order: the same ones in each precision of a Keras model."""
    return [operator for operator in model.operators if operator.name not in _BORDERS]


def is_float(operator: Operator, model: Graph) -> bool:
    """Whether `operator` of `model` computes in float32."""
    return model.tensors[operator.outputs[0]].dtype == "float32"


def is_hybrid(operator: Operator, model: Graph) -> bool:
    """Whether `operator` of `model` has int8 weights and computes in float32 (see convert/hybrid.py)."""
    has_int8_weights = operator.name in WEIGHTED and model.tensors[operator.inputs[1]].dtype == "int8"
    return has_int8_weights and is_float(operator, model)


def check_same_layers(first: Graph, second: Graph) -> None:
    """Raise ExportError where the operators of two conversions of one Keras model do not match one by one."""
    names = [[operator.name for operator in layers(model)] for model in (first, second)]
    if names[0] != names[1]:
        raise ExportError(f"the layers of two precisions differ, {names[0]} and {names[1]}: they cannot be compared")


def dequantized_weights(file: Flatbuffer, operator: Operator) -> NDArray[np.float32] | None:
    """The weights of `operator` in float32 and in their own shape; None where it has none."""
    if operator.name not in WEIGHTED:
        return None
    tensor = file.graph.tensors[operator.inputs[1]]
    values: NDArray[Any] = np.frombuffer(file.content[tensor.data.start : tensor.data.end], tensor.dtype)
    values = values.reshape(tensor.shape).astype(np.float32)
    if not tensor.scales:
        return values
    # One scale, or one for each output channel: the last axis of depthwise weights, else the first (schema.fbs).
    scales = np.asarray(tensor.scales, np.float32)
    if operator.name != "DEPTHWISE_CONV_2D":
        scales = scales.reshape(-1, *[1] * (values.ndim - 1))
    return values * scales
