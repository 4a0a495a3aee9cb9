"""A converted model in memory: the bytes of its flatbuffer with the graph in them, parsed once."""

from dataclasses import dataclass

from fmnist_runtime.flatbuffer import graph
from fmnist_runtime.flatbuffer.graph import Graph, Tensor
from fmnist_runtime.model.model_file import MARKER, mark


@dataclass(frozen=True)
class Flatbuffer:
    """The bytes of a .tflite flatbuffer and its parsed graph."""

    content: bytes
    graph: Graph

    @classmethod
    def parse(cls, content: bytes) -> "Flatbuffer":
        """Parse `content`. Raises ModelFileError where it is not a valid flatbuffer of a model."""
        return cls(content, graph.read(content))

    def with_marker(self) -> "Flatbuffer":
        """This flatbuffer with fmnist-edge's marker in place of the converter's note; nothing is parsed again.

        Raises ModelFileError as model_file.mark does.
        """
        return Flatbuffer(mark(self.content, self.graph), self.graph._replace(description=MARKER))

    @property
    def input(self) -> Tensor:
        """The first input tensor."""
        return self.graph.tensors[self.graph.inputs[0]]

    @property
    def output(self) -> Tensor:
        """The first output tensor."""
        return self.graph.tensors[self.graph.outputs[0]]
