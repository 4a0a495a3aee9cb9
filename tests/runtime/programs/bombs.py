"""Flatbuffers of a few megabytes in which thousands of offsets lead to one place, and reading one of them.

bombs.py KIND MEBIBYTES reads the bomb of that kind with so much memory and prints what came of it, as JSON.
"""

import json
import resource
import struct
import sys
from collections.abc import Callable
from time import process_time

from fmnist_runtime.errors import DamagedModelError
from fmnist_runtime.flatbuffer import graph

COUNT = 10_000
LARGE = 1_000_000


class Writer:
    """A flatbuffer, written from its root on; what a field points to comes behind it."""

    def __init__(self) -> None:
        self.content = bytearray(b"\0\0\0\0TFL3")

    def table(self, **fields: tuple[str, int]) -> tuple[int, dict[int, int]]:
        """A table of scalars (s3=("I", 7) is slot 3), some of them offsets to be set; its place and its slots'."""
        slots = {int(name[1:]): field for name, field in fields.items()}
        self.content += bytes(-len(self.content) % 8)
        size = 4 + 4 * len(slots)
        vtable = len(self.content)
        offsets = {slot: 4 + 4 * number for number, slot in enumerate(slots)}
        entries = [offsets.get(slot, 0) for slot in range(max(slots, default=-1) + 1)]
        self.content += struct.pack(f"<2H{len(entries)}H", 4 + 2 * len(entries), size, *entries)
        self.content += bytes(-len(self.content) % 4)
        place = len(self.content)
        self.content += struct.pack("<i", place - vtable)
        for code, value in slots.values():
            self.content += struct.pack("<" + code, value).ljust(4, b"\0")
        return place, {slot: place + offset for slot, offset in offsets.items()}

    def vector(self, code: str, values: list[int] | bytes) -> int:
        """A vector of numbers, or of bytes with a zero behind them; its place."""
        self.content += bytes(-len(self.content) % 4)
        place = len(self.content)
        self.content += struct.pack("<I", len(values))
        self.content += values + b"\0" if isinstance(values, bytes) else struct.pack(f"<{len(values)}{code}", *values)
        return place

    def offsets(self, count: int) -> tuple[int, list[int]]:
        """A vector of `count` offsets to be set; its place and theirs."""
        place = self.vector("I", [0] * count)
        return place, [place + 4 + 4 * number for number in range(count)]

    def point(self, at: int, target: int) -> None:
        """Let the offset at `at` lead to `target`."""
        struct.pack_into("<I", self.content, at, target - at)


def _model(writer: Writer, **more: tuple[str, int]) -> dict[int, int]:
    """The root: schema 3, one subgraph to be filled, empty lists of codes and buffers."""
    root, slots = writer.table(s0=("I", 3), s2=("I", 0), s4=("I", 0), **more)
    writer.point(0, root)
    return slots


def _pointing(writer: Writer, slot: int, count: int, **fields: tuple[str, int]) -> tuple[int, int]:
    """A vector of `count` offsets that all lead to one table; the vector's place and that of the table's `slot`."""
    vector, places = writer.offsets(count)
    table, slots = writer.table(**fields)
    for place in places:
        writer.point(place, table)
    return vector, slots.get(slot, 0)


def _with_subgraph(writer: Writer, slots: dict[int, int], **fields: tuple[str, int]) -> dict[int, int]:
    buffers, _ = _pointing(writer, 0, 1)
    writer.point(slots[4], buffers)
    subgraphs, (place,) = writer.offsets(1)
    writer.point(slots[2], subgraphs)
    subgraph, inner = writer.table(**fields)
    writer.point(place, subgraph)
    return inner


def tensor_names(writer: Writer) -> None:
    inner = _with_subgraph(writer, _model(writer), s0=("I", 0))
    tensors, name = _pointing(writer, 3, COUNT, s3=("I", 0))
    writer.point(inner[0], tensors)
    writer.point(name, writer.vector("B", b"x" * LARGE))


def tensor_scales(writer: Writer) -> None:
    inner = _with_subgraph(writer, _model(writer), s0=("I", 0))
    tensors, places = writer.offsets(COUNT)
    writer.point(inner[0], tensors)
    tensor, slots = writer.table(s0=("I", 0), s1=("b", 9), s4=("I", 0))
    for place in places:
        writer.point(place, tensor)
    writer.point(slots[0], writer.vector("i", [LARGE // 4]))
    quantization, inner = writer.table(s2=("I", 0))
    writer.point(slots[4], quantization)
    writer.point(inner[2], writer.vector("f", [1] * (LARGE // 4)))


def operator_inputs(writer: Writer) -> None:
    slots = _model(writer, s1=("I", 0))
    codes, _ = _pointing(writer, 0, 1)
    writer.point(slots[1], codes)
    inner = _with_subgraph(writer, slots, s0=("I", 0), s3=("I", 0))
    tensors, _ = _pointing(writer, 0, 1)
    writer.point(inner[0], tensors)
    operators, inputs = _pointing(writer, 1, COUNT, s1=("I", 0))
    writer.point(inner[3], operators)
    writer.point(inputs, writer.vector("i", [0] * LARGE))


def custom_codes(writer: Writer) -> None:
    slots = _model(writer, s1=("I", 0))
    codes, name = _pointing(writer, 1, COUNT, s0=("b", 32), s1=("I", 0))
    writer.point(slots[1], codes)
    writer.point(name, writer.vector("B", b"x" * LARGE))
    _with_subgraph(writer, slots)


def metadata_names(writer: Writer) -> None:
    slots = _model(writer, s6=("I", 0))
    _with_subgraph(writer, slots)
    metadata, name = _pointing(writer, 0, COUNT, s0=("I", 0))
    writer.point(slots[6], metadata)
    writer.point(name, writer.vector("B", b"x" * LARGE))


def signatures(writer: Writer) -> None:
    slots = _model(writer, s7=("I", 0))
    inner = _with_subgraph(writer, slots, s0=("I", 0))
    tensors, _ = _pointing(writer, 0, 1)
    writer.point(inner[0], tensors)
    found, inputs = _pointing(writer, 0, COUNT, s0=("I", 0))
    writer.point(slots[7], found)
    entries, _ = _pointing(writer, 0, COUNT, s1=("I", 0))
    writer.point(inputs, entries)


def metadata_vtable(writer: Writer) -> None:
    """Tables of 64 KB vtables: few bytes of each table, 32,000 fields to unpack."""
    slots = _model(writer, s6=("I", 0))
    _with_subgraph(writer, slots)
    metadata, _ = _pointing(writer, 0, COUNT, s30000=("I", 0))
    writer.point(slots[6], metadata)


def tiled(rows: int, columns: int) -> bytes:
    """A model of one TILE: some 500 bytes that ask for rows * columns times 784 floats, and promise ten."""
    writer = Writer()
    root, slots = writer.table(s0=("I", 3), s1=("I", 0), s2=("I", 0), s4=("I", 0))
    writer.point(0, root)
    codes, _ = _pointing(writer, 0, 1, s0=("b", 69), s2=("i", 1), s3=("i", 69))
    writer.point(slots[1], codes)
    subgraphs, (place,) = writer.offsets(1)
    writer.point(slots[2], subgraphs)
    subgraph, inner = writer.table(s0=("I", 0), s1=("I", 0), s2=("I", 0), s3=("I", 0))
    writer.point(place, subgraph)
    buffers, places = writer.offsets(2)
    writer.point(slots[4], buffers)
    writer.point(places[0], writer.table()[0])
    constant, data = writer.table(s0=("I", 0))
    writer.point(places[1], constant)
    multiples = writer.vector("B", struct.pack("<3i", 1, rows, columns))
    writer.point(data[0], multiples)
    tensors, places = writer.offsets(3)
    writer.point(inner[0], tensors)
    for place, shape, kind, buffer in zip(places, ([1, 28, 28], [3], [1, 10]), (0, 2, 0), (0, 1, 0), strict=True):
        tensor, fields = writer.table(s0=("I", 0), s1=("b", kind), s2=("I", buffer), s3=("I", 0))
        writer.point(place, tensor)
        writer.point(fields[0], writer.vector("i", shape))
        writer.point(fields[3], writer.vector("B", b"x"))
    writer.point(inner[1], writer.vector("i", [0]))
    writer.point(inner[2], writer.vector("i", [2]))
    operators, inputs = _pointing(writer, 1, 1, s0=("I", 0), s1=("I", 0), s2=("I", 0))
    writer.point(inner[3], operators)
    writer.point(inputs, writer.vector("i", [0, 1]))
    writer.point(inputs + 4, writer.vector("i", [2]))
    return bytes(writer.content + bytes(16))


BOMBS: dict[str, Callable[[Writer], None]] = {
    bomb.__name__: bomb
    for bomb in (
        *(tensor_names, tensor_scales, operator_inputs, custom_codes),
        *(metadata_names, signatures, metadata_vtable),
    )
}


def bomb(kind: str) -> bytes:
    """The flatbuffer of that kind, a key of BOMBS."""
    writer = Writer()
    BOMBS[kind](writer)
    # What stands at the end may be read four bytes at a time.
    return bytes(writer.content + bytes(8))


def main(kind: str, mebibytes: int) -> None:
    content = bomb(kind)
    resource.setrlimit(resource.RLIMIT_AS, (mebibytes * 2**20, mebibytes * 2**20))
    started = process_time()
    try:
        graph.read(content)
        words = "accepted"
    except DamagedModelError as error:
        words = str(error)
    print(json.dumps({"bytes": len(content), "seconds": process_time() - started, "words": words}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
