"""The same flatbuffer in fewer bytes: equal vectors are stored once, and tensors have short names.

A convolution with a scale for each channel has as many zero points, 8 bytes each and all 0, for its weights and again
for its bias: in a model of 32 KB such vectors are a tenth of the file. FlatBuffers allows many tables to point to one
vector. The converter's note on its own version is removed too: the description behind the model has it. Nothing that an
interpreter reads changes.
"""

from collections import Counter
from typing import Any

_IDENTIFIER = b"TFL3"
_CONVERTERS_NOTE = b"CONVERSION_METADATA"


def compact(content: bytes) -> bytes:
    """Rewrite the flatbuffer `content` with equal vectors shared and with shorter names of tensors."""
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
    # explain/tensors.py overwrites the model's outputs in order to read another tensor, so they share no vector.
    builder = _sharing_builder([graph.outputs for graph in model.subgraphs])
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _short(name: str) -> str:
    """The converter calls a tensor "model/relu/Relu;model/norm/batchnorm/sub": here "norm/sub", layer and operation."""
    last = name.rpartition(";")[2]
    _, *parts = last.split("/")
    return "/".join(dict.fromkeys([parts[0], parts[-1]])) if parts else last


def _sharing_builder(unshared: list[Any]) -> Any:
    """A flatbuffers.Builder that writes each vector of numbers once and points to it wherever it occurs again.

    The vectors `unshared` are always written.
    """
    import flatbuffers

    class SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]  # flatbuffers has no types
        def __init__(self) -> None:
            super().__init__(1024)
            self._written: dict[tuple[str, bytes], int] = {}

        def CreateNumpyVector(self, vector: Any) -> int:  # noqa: N802  # flatbuffers' name
            key = (vector.dtype.str, vector.tobytes())
            if any(vector is one for one in unshared):
                return int(super().CreateNumpyVector(vector))
            if key not in self._written:
                self._written[key] = super().CreateNumpyVector(vector)
            return self._written[key]

    return SharingBuilder()
