"""The parts of a TFLite graph: one tensor, one operator, one buffer, each read from its table and checked.

The slot numbers are those of tensorflow/lite/schema/schema.fbs (tables Tensor, QuantizationParameters, Operator,
OperatorCode, Buffer), where a field's slot is its place in its table. How the parts fit together is checked in
fmnist_runtime.flatbuffer.graph.

The results are named tuples: dataclasses would take a twentieth of the time in which a classifier starts.
"""

import math
from typing import NamedTuple

from fmnist_runtime.errors import InterfaceError
from fmnist_runtime.flatbuffer.schema import CUSTOM, TENSOR_TYPES, activation_name, operator_name
from fmnist_runtime.flatbuffer.tables import Table, Vector, damage_error

# Far above what an image classifier has, so that a damaged number costs no time and no memory.
_MAXIMUM_RANK = 8
_MAXIMUM_TENSOR_BYTES = 2**28

# How much of a name stands in a message.
_SHOWN = 80


class Tensor(NamedTuple):
    """A tensor; `data` says where its constant bytes are, and is empty for a tensor that the interpreter computes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    data: Vector


class Operator(NamedTuple):
    """One node of the graph: the operator's name and version, and its tensors by number (-1 for an absent one).

    `activation` is the function that the operator applies to its result, such as "RELU"; empty for none.
    """

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    activation: str = ""


def read_buffer(table: Table) -> Vector:
    """Where the bytes of a buffer are. Raises InterfaceError where they are outside the flatbuffer."""
    if table.scalar(1, "Q") or table.scalar(2, "Q"):
        raise InterfaceError("the model keeps its weights after the flatbuffer (a file of over 2 GB), expected inside")
    return table.vector(0, 1)


def read_operator_code(table: Table) -> tuple[str, int]:
    """The name and the version of an operator."""
    # Numbers above 127 do not fit the old byte field, so writers fill both and readers take the larger.
    code = max(table.scalar(0, "b"), table.scalar(3, "i"))
    if code == CUSTOM:
        return f"CUSTOM {table.string(1)}", table.scalar(2, "i", 1)
    return operator_name(code), table.scalar(2, "i", 1)


def read_tensor(table: Table, buffers: list[Vector]) -> Tensor:
    """A tensor, with its constant bytes from `buffers`. Raises DamagedModelError and InterfaceError."""
    name = table.string(3)
    shown = repr(name[:_SHOWN])
    if table.vector(0, 4).length > _MAXIMUM_RANK:
        raise damage_error(f"tensor {shown} has {table.vector(0, 4).length} dimensions")
    shape = tuple(int(size) for size in table.numbers(0, "i"))
    kind = table.scalar(1, "b")
    number = table.scalar(2, "I")
    if kind not in TENSOR_TYPES:
        raise InterfaceError(f"tensor {shown} has type number {kind}, which no image classifier needs")
    if number >= len(buffers):
        raise damage_error(f"tensor {shown} uses buffer {number} of {len(buffers)}")
    dtype, width = TENSOR_TYPES[kind]
    data = buffers[number]
    expected = math.ceil(math.prod(shape) * width)
    if any(size < 0 for size in shape) or expected > _MAXIMUM_TENSOR_BYTES:
        raise damage_error(f"tensor {shown} has the shape {shape}")
    if data.length not in (0, expected):
        raise damage_error(f"tensor {shown} of shape {shape} and type {dtype} has {data.length} bytes, not {expected}")
    quantization = table.table(4)
    scales = quantization.numbers(2, "f") if quantization else ()
    zero_points = tuple(int(point) for point in quantization.numbers(3, "q")) if quantization else ()
    if quantization:
        _check_quantization(quantization, shown, shape, scales, zero_points)
    table.vector(7, 4)  # read to check that it lies inside the file
    if table.scalar(5, "b") or table.table(6) or table.vector(9, 4).length:
        raise InterfaceError(f"tensor {shown} keeps state, is sparse or a variant, which no image classifier needs")
    return Tensor(name, shape, dtype, scales, zero_points, data)


def read_operator(table: Table, codes: list[tuple[str, int]], tensors: int) -> Operator:
    """An operator of a graph with `tensors` tensors; `codes` are names and versions. Raises DamagedModelError."""
    number = table.scalar(0, "I")
    if number >= len(codes):
        raise damage_error(f"an operator has code {number} of {len(codes)}")
    name, version = codes[number]
    kind, options = table.scalar(3, "B"), table.table(4)
    activation = activation_name(kind, lambda slot: options.scalar(slot, "b")) if options else ""
    # Options and lists that are not used here: read to check that they lie inside the file.
    table.vector(5, 1)
    table.vector(7, 1)
    table.vector(8, 4)
    table.table(12)
    inputs, outputs = read_tensor_numbers(table, 1, tensors, -1), read_tensor_numbers(table, 2, tensors)
    return Operator(name, version, inputs, outputs, activation)


def read_tensor_numbers(table: Table, slot: int, tensors: int, lowest: int = 0) -> tuple[int, ...]:
    """The numbers of tensors in field `slot`, each from `lowest` to below `tensors`. Raises DamagedModelError."""
    numbers = tuple(int(number) for number in table.numbers(slot, "i"))
    for number in numbers:
        if not lowest <= number < tensors:
            raise damage_error(f"it names tensor {number} of {tensors}")
    return numbers


def _check_quantization(
    table: Table, shown: str, shape: tuple[int, ...], scales: tuple[float, ...], zero_points: tuple[int, ...]
) -> None:
    # The minimum and the maximum are not used: read to check that they lie inside the file.
    table.vector(0, 4)
    table.vector(1, 4)
    dimension = table.scalar(6, "i")
    channels = shape[dimension] if 0 <= dimension < len(shape) else 1
    if len(scales) not in (0, 1, channels) or len(zero_points) not in (0, len(scales)):
        raise damage_error(f"tensor {shown} has {len(scales)} scales and {len(zero_points)} zero points")
    if not all(0 <= scale < math.inf for scale in scales):
        raise damage_error(f"tensor {shown} has a scale that is not a positive number")
