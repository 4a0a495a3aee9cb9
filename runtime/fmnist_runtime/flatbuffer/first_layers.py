"""The pixel range that a plain .tflite expects, inferred from its first operators.

These are an affine function in front of the network (a Rescaling, a Normalization, a division), or the scale to which
float inputs are quantized first. A network works on small numbers. So a model that multiplies its input by 1/255
expects pixels 0 to 255, and one that doubles it and subtracts 1 expects 0 to 1. The converter often moves such a
factor into the weights of a convolution. Then the weights are far smaller than any training makes them; that is only a
good guess, so the range is marked as assumed.

This module does not use the scale of a quantized input (fmnist_runtime.images.pixel_range).
"""

import math
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.flatbuffer.graph import Graph, Operator, Tensor
from fmnist_runtime.images import pixel_range
from fmnist_runtime.images.pixel_range import PixelRange

# A factor of at most this brings 0..255 to small numbers: 1/255, 1/127.5, 1/(255 * std) for a std of 0.125 or more.
_SMALL = 1 / 32
# A factor of at least this brings 0..1 to 0..255.
_LARGE = 100
# The axis of the outputs in the weights of each operator.
_WEIGHTS = {"FULLY_CONNECTED": 0, "CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}
# Larger weights are not read.
_MOST_BYTES = 2**24
_FORM = {"RESHAPE", "EXPAND_DIMS", "SQUEEZE", "CAST", "QUANTIZE", "DEQUANTIZE"}
_NUMBERS = {"float32", "float16", "int8", "uint8", "int16"}
# A factor and an offset for each pixel.
_Affine = tuple[NDArray[np.float64], NDArray[np.float64]]


def infer_range(graph: Graph, flatbuffer: bytes) -> PixelRange | None:
    """The pixel range that the first operators of `graph`, read from `flatbuffer`, expect; None where it is unknown."""
    # No warning for constants that are far too large: nothing is concluded from them.
    with np.errstate(all="ignore"):
        return _infer(graph, flatbuffer)


def _infer(graph: Graph, flatbuffer: bytes) -> PixelRange | None:
    source = graph.tensors[graph.inputs[0]]
    constants = _constants(graph)
    walk = _walk(graph, flatbuffer, constants)
    if isinstance(walk, PixelRange):
        return walk
    affine, following = walk
    found = _range_of(float(np.median(affine[0])), float(np.median(affine[1])))
    if found is None and source.dtype == "int16" and 128 <= source.scales[0] * 32767 <= 512:
        found = PixelRange(0.0, 255.0, f"the input's scale {source.scales[0]:g} is one of numbers up to 255")
    if found is None and following is not None and 0 < _gain(following, graph, constants, flatbuffer) <= _SMALL:
        found = PixelRange(0.0, 255.0, "assumed from the small weights of the first layer", assumed=True)
    return found


def _walk(graph: Graph, flatbuffer: bytes, constants: dict[int, int]) -> PixelRange | tuple[_Affine, Operator | None]:
    """Follow the pixels as long as the operators on them are affine.

    Returns the affine function so far and the operator that comes next; or the range, where a scale states it.
    """
    readers: dict[int, list[Operator]] = defaultdict(list)
    for operator in graph.operators:
        for number in set(operator.inputs):
            readers[number].append(operator)
    number = graph.inputs[0]
    size = math.prod(graph.tensors[number].shape)
    affine = np.ones(size), np.zeros(size)
    # As long as exactly one operator reads the pixels. The order of execution was checked, so this ends.
    while len(following := [one for one in readers[number] if one.name != "SHAPE"]) == 1:
        operator = following[0]
        if len(operator.outputs) != 1:
            return affine, None
        if operator.name in _FORM and operator.inputs[0] == number:
            number = operator.outputs[0]
            found = _quantized(graph.tensors[number], affine) if operator.name == "QUANTIZE" else None
            if found:
                return found
        elif (applied := _arithmetic(operator, number, affine, graph, constants, flatbuffer)) is not None:
            number, affine = operator.outputs[0], applied
        else:
            return affine, operator
    return affine, None


def _constants(graph: Graph) -> dict[int, int]:
    """For each constant tensor, the number of the tensor with its bytes: itself, or the one dequantized to it."""
    found = {number: number for number, tensor in enumerate(graph.tensors) if tensor.data.length}
    for operator in graph.operators:
        if operator.name == "DEQUANTIZE" and found.keys() >= set(operator.inputs):
            found.update((output, found[operator.inputs[0]]) for output in operator.outputs if operator.inputs)
    return found


def _quantized(tensor: Tensor, affine: _Affine) -> PixelRange | None:
    """The range of the input that the quantized `tensor` spans, where `affine` maps the input to the tensor."""
    if len(tensor.scales) != 1 or np.ptp(affine[0]) or np.ptp(affine[1]) or not affine[0][0]:
        return None
    found = pixel_range.from_quantization(
        tensor.dtype, tensor.scales[0], tensor.zero_points[0] if tensor.zero_points else 0
    )
    if found is None:
        return None
    low, high = ((end - float(affine[1][0])) / float(affine[0][0]) for end in found[:2])
    return PixelRange(low, high, found.reason.replace("the input's", "the first layer's"))


def _arithmetic(
    operator: Operator, number: int, affine: _Affine, graph: Graph, constants: dict[int, int], flatbuffer: bytes
) -> _Affine | None:
    """`affine` followed by `operator`, which reads the pixels as tensor `number`; None where that is not affine."""
    name, inputs = operator.name, operator.inputs
    if name not in ("ADD", "SUB", "MUL", "DIV") or operator.activation or len(inputs) != 2:
        return None
    other = inputs[1] if inputs[0] == number else inputs[0]
    shape = graph.tensors[number].shape
    if other not in constants or math.prod(shape) != len(affine[0]):
        return None
    values = _values(graph.tensors[constants[other]], graph.tensors[other].shape, flatbuffer)
    try:
        constant = np.broadcast_to(values, shape).ravel() if values is not None else None
    except ValueError:
        return None
    if constant is None or not np.isfinite(constant).all():
        return None
    return _apply(name, affine, constant, inputs[0] == number)


def _apply(name: str, affine: _Affine, constant: NDArray[np.float64], pixels_first: bool) -> _Affine | None:
    factor, offset = affine
    if name == "ADD":
        return factor, offset + constant
    if name == "MUL":
        return factor * constant, offset * constant
    if name == "SUB":
        return (factor, offset - constant) if pixels_first else (-factor, constant - offset)
    return (factor / constant, offset / constant) if pixels_first and constant.all() else None


def _values(tensor: Tensor, shape: tuple[int, ...], flatbuffer: bytes) -> NDArray[np.float64] | None:
    """The real numbers in a constant `tensor` of at most one image's size; None for other types and sizes."""
    if tensor.dtype not in _NUMBERS or math.prod(shape) > 784 or math.prod(tensor.shape) != math.prod(shape):
        return None
    stored = _stored(tensor, flatbuffer)
    numbers = stored.astype(np.float64).reshape(shape)
    if stored.dtype.kind == "f":
        return numbers
    if len(tensor.scales) != 1:
        return None
    return (numbers - (tensor.zero_points[0] if tensor.zero_points else 0)) * tensor.scales[0]


def _stored(tensor: Tensor, flatbuffer: bytes) -> NDArray[Any]:
    dtype = np.dtype(tensor.dtype).newbyteorder("<")
    return np.frombuffer(flatbuffer[tensor.data.start : tensor.data.end], dtype)


def _range_of(factor: float, offset: float) -> PixelRange | None:
    """The range that a network expects which begins with factor * x + offset; None where it is unknown."""
    if not factor or not math.isfinite(factor) or not math.isfinite(offset) or (factor, offset) == (1, 0):
        return None
    # The input that becomes 0: the mean of the pixels, in their own unit.
    zero = -offset / factor
    formula = f"{factor:.6g} * x" + (f" {'-' if offset < 0 else '+'} {abs(offset):.6g}" if offset else "")
    reason = f"inferred from the first layer, {formula}"
    if abs(factor) <= _SMALL or 16 < zero <= 255:
        return PixelRange(0.0, 255.0, reason)
    # Numbers from 0 to 1 have a standard deviation of at most 0.5. A batch norm of standardized pixels has a factor
    # near 1 and means something else; x - 0.5 and 1 - x have exactly 1.
    if (abs(factor) >= 1.9 or abs(factor) == 1) and 0.05 <= zero <= 1:
        return PixelRange(0.0, 1.0, reason)
    if abs(factor) >= _LARGE and 0 <= zero <= 1:
        return PixelRange(0.0, 1.0, reason)
    if any(math.isclose(abs(factor), half, rel_tol=0.02) and abs(zero + 1) < 0.02 for half in (0.5, 127.5)):
        return PixelRange(-1.0, 1.0, reason)
    return None


def _gain(operator: Operator, graph: Graph, constants: dict[int, int], flatbuffer: bytes) -> float:
    """The size of the result of `operator` for inputs of size 1; 0 where its weights are unknown.

    It is the quadratic mean over the outputs of the norm of an output's weights. It was 0.16 and more after every
    training that was tried, also with strong weight decay (l2=0.1); 0.003 and 0.005 with the factor of a Rescaling.
    """
    if operator.name not in _WEIGHTS or len(operator.inputs) < 2 or operator.inputs[1] not in constants:
        return 0.0
    tensor = graph.tensors[constants[operator.inputs[1]]]
    axis = _WEIGHTS[operator.name]
    if tensor.dtype not in _NUMBERS or axis >= len(tensor.shape) or tensor.data.length * tensor.data.size > _MOST_BYTES:
        return 0.0
    numbers = _stored(tensor, flatbuffer)
    weights = np.moveaxis(numbers.reshape(tensor.shape).astype(np.float32), axis, 0).reshape(tensor.shape[axis], -1)
    if numbers.dtype.kind != "f":
        # Weights are symmetric, without zero points: one scale for all, or one for each output.
        if len(tensor.scales) not in (1, len(weights)):
            return 0.0
        weights = weights * np.array(tensor.scales, np.float32).reshape(-1, 1)
    gain = float(np.sqrt(np.square(weights).sum(axis=1).mean())) if weights.size else 0.0
    return gain if math.isfinite(gain) else 0.0
