"""What a TFLite flatbuffer holds: operators with their versions, tensors, the input and the output.

Needs no interpreter and runs no kernel. Every offset and every size is checked, of what an interpreter follows and this
package does not need too (operators' options, signatures, metadata), and so is the order of execution: an operator
reads what is constant, an input, or computed before. The slot numbers are those of
tensorflow/lite/schema/schema.fbs (tables Model, OperatorCode, SubGraph, Tensor, QuantizationParameters, Operator,
Buffer, Metadata, SignatureDef, TensorMap), where a field's slot is its place in its table.

The results are named tuples: dataclasses would take a twentieth of the time in which a classifier starts.

What it cannot see: whether the numbers in a weight are those that were trained, and whether a kernel accepts its
options (fmnist_runtime.inference.sandbox finds out).
"""

import math
from typing import NamedTuple

from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.flatbuffer import tables
from fmnist_runtime.flatbuffer.operators import CUSTOM, operator_name
from fmnist_runtime.flatbuffer.tables import Table, Vector, damaged

IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3

# enum TensorType of the schema: its name in numpy's terms and the bytes of one element.
_TENSOR_TYPES: dict[int, tuple[str, float]] = {
    0: ("float32", 4),
    1: ("float16", 2),
    2: ("int32", 4),
    3: ("uint8", 1),
    4: ("int64", 8),
    6: ("bool", 1),
    7: ("int16", 2),
    8: ("complex64", 8),
    9: ("int8", 1),
    10: ("float64", 8),
    11: ("complex128", 16),
    12: ("uint64", 8),
    13: ("resource", 4),
    15: ("uint32", 4),
    16: ("uint16", 2),
    17: ("int4", 0.5),
    18: ("bfloat16", 2),
}

# Far above what a classifier of images has: so that a damaged number costs no time and no memory.
_MAXIMUM_TENSORS = 10_000
_MAXIMUM_RANK = 8
_MAXIMUM_TENSOR_BYTES = 2**28

# How much of a name stands in a message.
_SHOWN = 80

# enum ActivationFunctionType of the schema; 0 is none.
_ACTIVATIONS = ("", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
# By the number in union BuiltinOptions, the slot of fused_activation_function: of Conv2DOptions,
# DepthwiseConv2DOptions, Pool2DOptions, FullyConnectedOptions, ConcatenationOptions, AddOptions, L2NormOptions,
# MulOptions, SubOptions, DivOptions, TransposeConvOptions.
_ACTIVATION_SLOTS = {1: 3, 2: 4, 5: 5, 8: 0, 10: 1, 11: 0, 12: 0, 21: 0, 28: 0, 29: 0, 49: 3}


class Tensor(NamedTuple):
    """A tensor: `data` says where its constant bytes are, empty for what the interpreter computes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    data: Vector


class Operator(NamedTuple):
    """One node of the graph: the operator's name and version, and the tensors by number (-1 for an absent one).

    `activation` is what it does to its own result, such as "RELU"; empty for nothing.
    """

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    activation: str = ""


class Graph(NamedTuple):
    """A model: tensors, operators in the order of execution, inputs and outputs by number, the writer's note."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    description: str

    @property
    def versions(self) -> dict[str, int]:
        """Each operator that occurs with the highest version that it occurs with, sorted by name."""
        found: dict[str, int] = {}
        for operator in self.operators:
            found[operator.name] = max(operator.version, found.get(operator.name, 0))
        return dict(sorted(found.items()))


def read(content: bytes) -> Graph:
    """The graph in `content`, the bytes of a .tflite file. Raises ModelFileError where anything is out of bounds."""
    model = tables.root(content, IDENTIFIER)
    version = model.scalar(0, "I")
    if version != SCHEMA_VERSION:
        raise damaged(f"it has schema version {version}, expected {SCHEMA_VERSION}")
    buffers = [_buffer(table) for table in model.tables(4, _MAXIMUM_TENSORS)]
    codes = [_operator_code(table) for table in model.tables(1, _MAXIMUM_TENSORS)]
    subgraphs = model.tables(2, _MAXIMUM_TENSORS)
    if len(subgraphs) != 1:
        raise ModelFileError(f"the model has {len(subgraphs)} subgraphs, expected 1: export one without control flow")
    subgraph = subgraphs[0]
    tensors = tuple(_tensor(table, buffers) for table in subgraph.tables(0, _MAXIMUM_TENSORS))
    operators = tuple(_operator(table, codes, len(tensors)) for table in subgraph.tables(3, _MAXIMUM_TENSORS))
    graph = Graph(
        tensors,
        operators,
        _tensor_numbers(subgraph, 1, len(tensors)),
        _tensor_numbers(subgraph, 2, len(tensors)),
        model.string(3),
    )
    _check_order(graph)
    _check_names(model, subgraph, len(buffers), len(tensors))
    return graph


def _check_order(graph: Graph) -> None:
    """Every tensor is computed once at most, and before it is read."""
    written = {number for number, tensor in enumerate(graph.tensors) if tensor.data.length}
    if written & set(graph.inputs):
        raise damaged("an input has constant bytes")
    constants, written = written, written | set(graph.inputs)
    for operator in graph.operators:
        for number in operator.inputs:
            if number >= 0 and number not in written and 0 not in graph.tensors[number].shape:
                raise damaged(f"{operator.name} reads tensor {number} before it is computed")
        for number in operator.outputs:
            if number in written:
                raise damaged(f"{operator.name} writes tensor {number}, which is constant or was written before")
            written.add(number)
    for number in graph.outputs:
        if number not in written - constants:
            raise damaged(f"the output, tensor {number}, is never computed")


def _check_names(model: Table, subgraph: Table, buffers: int, tensors: int) -> None:
    """The parts that name and annotate: followed, so that they are known to lie inside the file."""
    subgraph.string(4)
    model.numbers(5, "i")
    for metadata in model.tables(6, _MAXIMUM_TENSORS):
        metadata.string(0)
        if metadata.scalar(1, "I") >= buffers:
            raise damaged(f"its metadata are in buffer {metadata.scalar(1, 'I')} of {buffers}")
    for signature in model.tables(7, _MAXIMUM_TENSORS):
        signature.string(2)
        if signature.scalar(4, "I") != 0:
            raise damaged(f"a signature belongs to subgraph {signature.scalar(4, 'I')} of 1")
        for slot in (0, 1):
            for entry in signature.tables(slot, _MAXIMUM_TENSORS):
                entry.string(0)
                if entry.scalar(1, "I") >= tensors:
                    raise damaged(f"a signature names tensor {entry.scalar(1, 'I')} of {tensors}")


def _buffer(table: Table) -> Vector:
    if table.scalar(1, "Q") or table.scalar(2, "Q"):
        raise ModelFileError("the model keeps its weights behind the flatbuffer (a file of over 2 GB), expected inside")
    return table.vector(0, 1)


def _operator_code(table: Table) -> tuple[str, int]:
    # Numbers above 127 do not fit the old byte field, so writers fill both and readers take the larger.
    code = max(table.scalar(0, "b"), table.scalar(3, "i"))
    if code == CUSTOM:
        return f"CUSTOM {table.string(1)}", table.scalar(2, "i", 1)
    return operator_name(code), table.scalar(2, "i", 1)


def _tensor(table: Table, buffers: list[Vector]) -> Tensor:
    name = table.string(3)
    shown = repr(name[:_SHOWN])
    if table.vector(0, 4).length > _MAXIMUM_RANK:
        raise damaged(f"tensor {shown} has {table.vector(0, 4).length} dimensions")
    shape = tuple(int(size) for size in table.numbers(0, "i"))
    kind = table.scalar(1, "b")
    number = table.scalar(2, "I")
    if kind not in _TENSOR_TYPES:
        raise ModelFileError(f"tensor {shown} has type number {kind}, which no classifier of images needs")
    if number >= len(buffers):
        raise damaged(f"tensor {shown} uses buffer {number} of {len(buffers)}")
    dtype, width = _TENSOR_TYPES[kind]
    data = buffers[number]
    expected = math.ceil(math.prod(shape) * width)
    if any(size < 0 for size in shape) or expected > _MAXIMUM_TENSOR_BYTES:
        raise damaged(f"tensor {shown} has the shape {shape}")
    if data.length not in (0, expected):
        raise damaged(f"tensor {shown} of shape {shape} and type {dtype} has {data.length} bytes, not {expected}")
    quantization = table.table(4)
    scales = quantization.numbers(2, "f") if quantization else ()
    zero_points = tuple(int(point) for point in quantization.numbers(3, "q")) if quantization else ()
    if quantization:
        _check_quantization(quantization, shown, shape, scales, zero_points)
    table.vector(7, 4)
    if table.scalar(5, "b") or table.table(6) or table.vector(9, 4).length:
        raise ModelFileError(f"tensor {shown} keeps state, is sparse or a variant, which no classifier here needs")
    return Tensor(name, shape, dtype, scales, zero_points, data)


def _check_quantization(
    table: Table, shown: str, shape: tuple[int, ...], scales: tuple[float, ...], zero_points: tuple[int, ...]
) -> None:
    table.vector(0, 4)
    table.vector(1, 4)
    dimension = table.scalar(6, "i")
    channels = shape[dimension] if 0 <= dimension < len(shape) else 1
    if len(scales) not in (0, 1, channels) or len(zero_points) not in (0, len(scales)):
        raise damaged(f"tensor {shown} has {len(scales)} scales and {len(zero_points)} zero points")
    if not all(0 <= scale < math.inf for scale in scales):
        raise damaged(f"tensor {shown} has a scale that is no positive number")


def _operator(table: Table, codes: list[tuple[str, int]], tensors: int) -> Operator:
    number = table.scalar(0, "I")
    if number >= len(codes):
        raise damaged(f"an operator has code {number} of {len(codes)}")
    name, version = codes[number]
    activation = _activation(table.scalar(3, "B"), table.table(4))
    table.vector(5, 1)
    table.vector(7, 1)
    table.vector(8, 4)
    table.table(12)
    inputs, outputs = _tensor_numbers(table, 1, tensors, -1), _tensor_numbers(table, 2, tensors)
    return Operator(name, version, inputs, outputs, activation)


def _activation(kind: int, options: Table | None) -> str:
    if options is None or kind not in _ACTIVATION_SLOTS:
        return ""
    number = options.scalar(_ACTIVATION_SLOTS[kind], "b")
    return _ACTIVATIONS[number] if 0 <= number < len(_ACTIVATIONS) else f"ACTIVATION_{number}"


def _tensor_numbers(table: Table, slot: int, tensors: int, lowest: int = 0) -> tuple[int, ...]:
    numbers = tuple(int(number) for number in table.numbers(slot, "i"))
    for number in numbers:
        if not lowest <= number < tensors:
            raise damaged(f"it names tensor {number} of {tensors}")
    return numbers
