"""A TFLite graph: its operators with their versions, its tensors, its inputs and outputs, read from a flatbuffer.

Needs no interpreter and runs no kernel. Every offset and size is checked, also of what only an interpreter follows
(operators' options, signatures, metadata). So is the order of execution: an operator reads constants, inputs, or
tensors that were computed before. The slot numbers are those of tensorflow/lite/schema/schema.fbs (tables Model,
SubGraph, Metadata, SignatureDef, TensorMap), where a field's slot is its place in its table.

It cannot see whether weights have the values that were trained, or whether a kernel accepts its options
(fmnist_runtime.inference.sandbox finds that out).
"""

from typing import NamedTuple

from fmnist_runtime.errors import InterfaceError
from fmnist_runtime.flatbuffer import elements, tables
from fmnist_runtime.flatbuffer.elements import Operator, Tensor
from fmnist_runtime.flatbuffer.tables import Table, damage_error

__all__ = ["IDENTIFIER", "SCHEMA_VERSION", "Graph", "Operator", "Tensor", "read"]

IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3

# Far above what an image classifier has, so that a damaged number costs no time and no memory.
_MAXIMUM_TENSORS = 10_000


class Graph(NamedTuple):
    """A model: tensors, operators in the order of execution, inputs and outputs by number, the converter's note."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    description: str

    @property
    def versions(self) -> dict[str, int]:
        """The highest version of each operator that occurs, sorted by name."""
        found: dict[str, int] = {}
        for operator in self.operators:
            found[operator.name] = max(operator.version, found.get(operator.name, 0))
        return dict(sorted(found.items()))


def read(content: bytes) -> Graph:
    """The graph in `content`, the bytes of a .tflite file.

    Raises DamagedModelError where anything is out of bounds or out of order, InterfaceError where the graph has parts
    that no image classifier needs.
    """
    model = tables.root(content, IDENTIFIER)
    version = model.scalar(0, "I")
    if version != SCHEMA_VERSION:
        raise damage_error(f"it has schema version {version}, expected {SCHEMA_VERSION}")
    buffers = [elements.read_buffer(table) for table in model.tables(4, _MAXIMUM_TENSORS)]
    codes = [elements.read_operator_code(table) for table in model.tables(1, _MAXIMUM_TENSORS)]
    subgraphs = model.tables(2, _MAXIMUM_TENSORS)
    if len(subgraphs) != 1:
        raise InterfaceError(f"the model has {len(subgraphs)} subgraphs, expected 1; export one without control flow")
    subgraph = subgraphs[0]
    tensors = tuple(elements.read_tensor(table, buffers) for table in subgraph.tables(0, _MAXIMUM_TENSORS))
    operators = tuple(
        elements.read_operator(table, codes, len(tensors)) for table in subgraph.tables(3, _MAXIMUM_TENSORS)
    )
    graph = Graph(
        tensors,
        operators,
        elements.read_tensor_numbers(subgraph, 1, len(tensors)),
        elements.read_tensor_numbers(subgraph, 2, len(tensors)),
        model.string(3),
    )
    _check_order(graph)
    _check_annotations(model, subgraph, len(buffers), len(tensors))
    return graph


def _check_order(graph: Graph) -> None:
    """Check that every tensor is computed at most once, and before it is read."""
    written = {number for number, tensor in enumerate(graph.tensors) if tensor.data.length}
    if written & set(graph.inputs):
        raise damage_error("an input has constant bytes")
    constants, written = written, written | set(graph.inputs)
    for operator in graph.operators:
        for number in operator.inputs:
            if number >= 0 and number not in written and 0 not in graph.tensors[number].shape:
                raise damage_error(f"{operator.name} reads tensor {number} before it is computed")
        for number in operator.outputs:
            if number in written:
                raise damage_error(f"{operator.name} writes tensor {number}, which is constant or was written before")
            written.add(number)
    for number in graph.outputs:
        if number not in written - constants:
            raise damage_error(f"the output, tensor {number}, is never computed")


def _check_annotations(model: Table, subgraph: Table, buffers: int, tensors: int) -> None:
    """Follow signatures, metadata and names, which are not used here, to check that they lie inside the file."""
    subgraph.string(4)
    model.numbers(5, "i")
    for metadata in model.tables(6, _MAXIMUM_TENSORS):
        metadata.string(0)
        if metadata.scalar(1, "I") >= buffers:
            raise damage_error(f"its metadata are in buffer {metadata.scalar(1, 'I')} of {buffers}")
    for signature in model.tables(7, _MAXIMUM_TENSORS):
        signature.string(2)
        if signature.scalar(4, "I") != 0:
            raise damage_error(f"a signature belongs to subgraph {signature.scalar(4, 'I')} of 1")
        for slot in (0, 1):
            for entry in signature.tables(slot, _MAXIMUM_TENSORS):
                entry.string(0)
                if entry.scalar(1, "I") >= tensors:
                    raise damage_error(f"a signature names tensor {entry.scalar(1, 'I')} of {tensors}")
