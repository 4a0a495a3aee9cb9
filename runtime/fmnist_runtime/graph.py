"""What a TFLite flatbuffer holds: operators with their versions, tensors, the input and the output.

Needs no interpreter and runs no kernel. Every offset and every size that it reads is checked; the slot numbers are
those of tensorflow/lite/schema/schema.fbs (tables Model, OperatorCode, SubGraph, Tensor, QuantizationParameters,
Operator, Buffer), where a field's slot is its place in its table.
"""

import math
from dataclasses import dataclass

from fmnist_runtime import flatbuffer
from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.flatbuffer import Table, Vector, damaged
from fmnist_runtime.operators import CUSTOM, operator_name

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

# Operators that change the form of a result and not its meaning.
_TRANSPARENT = {"QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE"}


@dataclass(frozen=True)
class Tensor:
    """A tensor: `data` says where its constant bytes are, empty for what the interpreter computes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    data: Vector


@dataclass(frozen=True)
class Operator:
    """One node of the graph: the operator's name and version, and the tensors by number (-1 for an absent one)."""

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
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

    @property
    def ends_in_softmax(self) -> bool:
        """Whether the first output is a softmax, apart from operators that only change its form."""
        producers = {output: operator for operator in self.operators for output in operator.outputs}
        operator = producers.get(self.outputs[0]) if self.outputs else None
        while operator is not None and operator.name in _TRANSPARENT:
            operator = producers.get(operator.inputs[0])
        return operator is not None and operator.name == "SOFTMAX"


def read(content: bytes) -> Graph:
    """The graph in `content`, the bytes of a .tflite file. Raises ModelFileError where anything is out of bounds."""
    model = flatbuffer.root(content, IDENTIFIER)
    version = model.scalar(0, "I")
    if version != SCHEMA_VERSION:
        raise damaged(f"it has schema version {version}, expected {SCHEMA_VERSION}")
    buffers = [_buffer(table) for table in model.tables(4)]
    codes = [_operator_code(table) for table in model.tables(1)]
    subgraphs = model.tables(2)
    if len(subgraphs) != 1:
        raise ModelFileError(f"the model has {len(subgraphs)} subgraphs, expected 1: export one without control flow")
    subgraph = subgraphs[0]
    tensors = tuple(_tensor(table, buffers) for table in subgraph.tables(0))
    operators = tuple(_operator(table, codes, len(tensors)) for table in subgraph.tables(3))
    return Graph(
        tensors,
        operators,
        _tensor_numbers(subgraph, 1, len(tensors)),
        _tensor_numbers(subgraph, 2, len(tensors)),
        model.string(3),
    )


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
    shape = tuple(int(size) for size in table.numbers(0, "i"))
    kind = table.scalar(1, "b")
    number = table.scalar(2, "I")
    if kind not in _TENSOR_TYPES:
        raise ModelFileError(f"tensor {name!r} has type number {kind}, which no classifier of images needs")
    if number >= len(buffers):
        raise damaged(f"tensor {name!r} uses buffer {number} of {len(buffers)}")
    dtype, width = _TENSOR_TYPES[kind]
    data = buffers[number]
    if any(size < 0 for size in shape):
        raise damaged(f"tensor {name!r} has the shape {shape}")
    expected = math.ceil(math.prod(shape) * width)
    if data.length not in (0, expected):
        raise damaged(f"tensor {name!r} of shape {shape} and type {dtype} has {data.length} bytes, not {expected}")
    quantization = table.table(4)
    scales = quantization.numbers(2, "f") if quantization else ()
    zero_points = tuple(int(point) for point in quantization.numbers(3, "q")) if quantization else ()
    return Tensor(name, shape, dtype, scales, zero_points, data)


def _operator(table: Table, codes: list[tuple[str, int]], tensors: int) -> Operator:
    number = table.scalar(0, "I")
    if number >= len(codes):
        raise damaged(f"an operator has code {number} of {len(codes)}")
    name, version = codes[number]
    return Operator(name, version, _tensor_numbers(table, 1, tensors, -1), _tensor_numbers(table, 2, tensors))


def _tensor_numbers(table: Table, slot: int, tensors: int, lowest: int = 0) -> tuple[int, ...]:
    numbers = tuple(int(number) for number in table.numbers(slot, "i"))
    for number in numbers:
        if not lowest <= number < tensors:
            raise damaged(f"it names tensor {number} of {tensors}")
    return numbers
