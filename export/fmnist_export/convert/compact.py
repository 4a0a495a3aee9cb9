"""The same flatbuffer in fewer bytes: what is equal is stored once, and tensors have short names.

A convolution with a scale for each channel has as many zero points, 8 bytes each and all 0, for its weights and once
more for its bias: in a model of 32 KB such vectors are a tenth of the file. FlatBuffers allows many tables to point
to one vector. The converter's note on its own version goes, too: the description behind the model says it. Nothing that
an interpreter reads changes.
"""

from collections import Counter
from typing import Any

from fmnist_export.source.keras_model import import_tensorflow

_IDENTIFIER = b"TFL3"
_CONVERTERS_NOTE = b"CONVERSION_METADATA"


def compact(content: bytes) -> bytes:
    """The model in the flatbuffer `content`, written anew: equal vectors shared, its tensors' names shortened."""
    import_tensorflow()
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    for graph in model.subgraphs:
        taken: Counter[str] = Counter()
        for tensor in graph.tensors:
            name = _short(tensor.name.decode())
            tensor.name = (f"{name}:{taken[name]}" if name in taken else name).encode()
            taken[name] += 1
    for entry in model.metadata or []:
        if entry.name == _CONVERTERS_NOTE:
            model.buffers[entry.buffer].data = None
    model.metadata = [entry for entry in model.metadata or [] if entry.name != _CONVERTERS_NOTE]
    # Whoever wants to read another tensor overwrites the model's output (explain_tensors.py).
    builder = _sharing_builder([graph.outputs for graph in model.subgraphs])
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _short(name: str) -> str:
    """The converter calls a tensor "model/relu/Relu;model/norm/batchnorm/sub": here "norm/sub", layer and operation."""
    last = name.rpartition(";")[2]
    _, *parts = last.split("/")
    return "/".join(dict.fromkeys([parts[0], parts[-1]])) if parts else last


def _sharing_builder(alone: list[Any]) -> Any:
    """A flatbuffers.Builder that writes a vector of numbers once and points to it wherever it comes again.

    The vectors `alone` are shared with no other.
    """
    import flatbuffers

    class SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]  # flatbuffers has no types
        def __init__(self) -> None:
            super().__init__(1024)
            self._written: dict[tuple[str, bytes], int] = {}

        def CreateNumpyVector(self, vector: Any) -> int:  # noqa: N802  # flatbuffers' name
            key = (vector.dtype.str, vector.tobytes())
            if any(vector is one for one in alone):
                return int(super().CreateNumpyVector(vector))
            if key not in self._written:
                self._written[key] = super().CreateNumpyVector(vector)
            return self._written[key]

    return SharingBuilder()
