"""Reading FlatBuffers without trusting them: every offset is checked before it is followed.

It covers what a reader of TFLite files needs (tables, vectors, strings, scalars) and nothing else. It does not copy
vectors of bytes, the weights, and does not know the TFLite schema.

Many offsets may lead to one place, as in files whose writer stores equal parts once. So a small file can ask for any
number of tables, names and numbers. All decoded bytes of a file are counted, and their number is limited.
Source: "FlatBuffer Internals" in the FlatBuffers documentation: little endian; a table starts with a signed 32-bit
offset back to its vtable; a vtable is its own size, the table's size, then one 16-bit offset a field, 0 for absent.
"""

import struct
from typing import NamedTuple

from fmnist_runtime.errors import DamagedModelError

_UINT8 = struct.Struct("<B")
_UINT16 = struct.Struct("<H")
_INT32 = struct.Struct("<i")
_UINT32 = struct.Struct("<I")

# The most bytes that are decoded of one file. Numbers take nine times their bytes in Python, so this is some 150 MB and
# a second. The shipped models need 4 to 26 KB, none more than three times its own bytes.
MAXIMUM_DECODED = 16 * 2**20
_DECODED_OF_EACH_BYTE = 16
# What a table costs beside its vtable, so that none is free.
_TABLE_COST = 64


class Budget:
    """How many bytes may still be decoded of a file of `size` bytes."""

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = min(MAXIMUM_DECODED, 2**16 + size * _DECODED_OF_EACH_BYTE)

    def spend(self, amount: int) -> None:
        """Count `amount` bytes. Raises DamagedModelError where the file asks for more than its limit."""
        self.left -= amount
        if self.left < 0:
            raise damage_error("its names, shapes and lists take more than a model of its size can have")


class Vector(NamedTuple):
    """`length` elements of `size` bytes each, the first at `start`; the last byte lies inside the buffer."""

    start: int
    length: int
    size: int

    @property
    def end(self) -> int:
        """The position after the last element."""
        return self.start + self.length * self.size


class Table:
    """One table of a flatbuffer: fields by slot number, as the schema counts them from 0.

    Raises DamagedModelError as soon as an offset leads outside the buffer.
    """

    __slots__ = ("_budget", "_fields", "_position", "_size", "buffer")

    def __init__(self, buffer: bytes, position: int, budget: Budget) -> None:
        self.buffer = buffer
        self._budget = budget
        self._position = position
        vtable = position - _read(_INT32, buffer, position)
        vtable_size = _read(_UINT16, buffer, vtable)
        self._size = _read(_UINT16, buffer, vtable + 2)
        if vtable_size < 4 or vtable_size % 2 or self._size < 4:
            raise damage_error(f"the table at byte {position} has a vtable of {vtable_size} bytes")
        _check(buffer, vtable, vtable_size)
        _check(buffer, position, self._size)
        budget.spend(_TABLE_COST + vtable_size)
        self._fields = struct.unpack_from(f"<{(vtable_size - 4) // 2}H", buffer, vtable + 4)

    def scalar(self, slot: int, code: str, default: int = 0) -> int:
        """The integer in field `slot`, of the `struct` type `code`, or `default` where the field is absent."""
        layout = struct.Struct("<" + code)
        position = self._field(slot, layout.size)
        return default if position is None else int(layout.unpack_from(self.buffer, position)[0])

    def table(self, slot: int) -> "Table | None":
        """The table that field `slot` points to, or None."""
        position = self._target(slot)
        return None if position is None else Table(self.buffer, position, self._budget)

    def vector(self, slot: int, size: int) -> Vector:
        """The vector in field `slot`, with elements of `size` bytes; empty where the field is absent."""
        position = self._target(slot)
        if position is None:
            return Vector(0, 0, size)
        vector = Vector(position + 4, _read(_UINT32, self.buffer, position), size)
        _check(self.buffer, vector.start, vector.length * size)
        return vector

    def numbers(self, slot: int, code: str) -> tuple[float, ...]:
        """The vector of numbers in field `slot`, of the `struct` type `code`."""
        vector = self.vector(slot, struct.calcsize("<" + code))
        self._budget.spend(vector.length * vector.size)
        return struct.unpack_from(f"<{vector.length}{code}", self.buffer, vector.start)

    def tables(self, slot: int, most: int) -> list["Table"]:
        """The tables that the vector of offsets in field `slot` points to; `most` is their limit."""
        vector = self.vector(slot, 4)
        if vector.length > most:
            raise damage_error(f"it has {vector.length:,} tables in one list, expected at most {most:,}")
        starts = range(vector.start, vector.end, 4)
        self._budget.spend(vector.length * vector.size)
        return [Table(self.buffer, start + _read(_UINT32, self.buffer, start), self._budget) for start in starts]

    def string(self, slot: int) -> str:
        """The UTF-8 string in field `slot`, empty where the field is absent; undecodable bytes are replaced.

        A zero byte must follow it, by which programs in C find its end.
        """
        vector = self.vector(slot, 1)
        if vector.start and _read(_UINT8, self.buffer, vector.end):
            raise damage_error(f"the string at byte {vector.start} has no end")
        self._budget.spend(vector.length)
        return self.buffer[vector.start : vector.end].decode("utf-8", "replace")

    def _field(self, slot: int, size: int) -> int | None:
        """The position of field `slot`, which is `size` bytes long, or None where it is absent."""
        offset = self._fields[slot] if slot < len(self._fields) else 0
        if offset == 0:
            return None
        if offset < 4 or offset + size > self._size:
            raise damage_error(f"field {slot} of the table at byte {self._position} lies outside it")
        return int(self._position + offset)

    def _target(self, slot: int) -> int | None:
        """The position that the offset in field `slot` points to, or None where it is absent."""
        position = self._field(slot, 4)
        if position is None:
            return None
        return position + _read(_UINT32, self.buffer, position)


def root(buffer: bytes, identifier: bytes) -> Table:
    """The root table of `buffer`. Raises DamagedModelError unless its four-byte file identifier is `identifier`."""
    if len(buffer) < 8 or buffer[4:8] != identifier:
        raise damage_error(f"its bytes 4 to 7 are {buffer[4:8]!r}, expected {identifier!r}")
    return Table(buffer, _read(_UINT32, buffer, 0), Budget(len(buffer)))


def damage_error(found: str) -> DamagedModelError:
    """The error for a flatbuffer in which `found` is wrong."""
    return DamagedModelError(f"damaged or cut short, or not a TFLite model: {found}; copy or export the file again")


def _read(layout: struct.Struct, buffer: bytes, position: int) -> int:
    _check(buffer, position, layout.size)
    return int(layout.unpack_from(buffer, position)[0])


def _check(buffer: bytes, position: int, size: int) -> None:
    if position < 0 or position + size > len(buffer):
        raise damage_error(f"it points to bytes {position} to {position + size} of {len(buffer)}")
