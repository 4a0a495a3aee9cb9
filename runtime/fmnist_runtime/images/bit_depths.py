"""Samples of more than 8 bits converted to 8 bits, by the number of bits that they use.

A 16-bit file often holds a camera's 10 or 12 bits unscaled: the largest sample is 1,023 or 4,095, and the picture is
nearly black if it is read as a share of 65,535. A PNG can state the bits that count (chunk sBIT). Where nothing states
them, the largest sample decides and a note says so, because a really dark picture of 16 bits looks the same.

This module decodes no pictures (fmnist_runtime.images.decoding).
Source: "Portable Network Graphics (PNG) Specification (Third Edition)", W3C, sections 5.3, 11.2.1 and 11.3.2.7.
"""

import struct
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_PNG_HEADER = struct.Struct(">8sI4sIIBB")
_CHUNK_HEADER = struct.Struct(">I4s")
# The most chunks before the pixels; no camera writes more.
_MOST_CHUNKS = 100
# The depths of cameras; 8 for 8-bit samples that were saved as 16.
_DEPTHS = (8, 10, 12, 14)
_GREY = 0
_ROWS = 64


def png_bits(file: IO[bytes]) -> tuple[int, int | None, bool]:
    """For the PNG in `file`: bits a sample, how many count by its sBIT chunk (None without one), whether it is grey.

    Leaves `file` at its beginning. Returns 8, None, False for something that is not a PNG.
    """
    try:
        file.seek(0)
        _, _, kind, _, _, bits, colour = _PNG_HEADER.unpack(file.read(_PNG_HEADER.size))
        return (bits, _significant_bits(file), colour == _GREY) if kind == b"IHDR" else (8, None, False)
    except struct.error:
        return 8, None, False
    finally:
        file.seek(0)


def _significant_bits(file: IO[bytes]) -> int | None:
    position = 8
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        length, kind = _CHUNK_HEADER.unpack(file.read(_CHUNK_HEADER.size))
        if kind == b"sBIT":
            bits = max(file.read(min(length, 4)), default=0)
            return bits if 0 < bits <= 16 else None
        if kind in (b"IDAT", b"IEND"):
            return None
        position += 12 + length
    return None


def bits_used(highest: int, stated: int | None) -> int:
    """The bits that 16-bit samples use, the largest of which is `highest`; `stated` is what the file says, or None.

    A PNG that follows its specification scales n bits up to 16 and states n: then the largest sample needs more than n
    bits, and all 16 are used.
    """
    if stated is not None and stated < 16:
        return stated if highest < 2**stated else 16
    if stated is not None or highest == 0:
        return 16
    return next((bits for bits in _DEPTHS if highest < 2**bits), 16)


def note(highest: int, bits: int, stated: int | None) -> str | None:
    """The note for 16-bit samples that are read as `bits` bits; None for 16."""
    if bits == 16:
        return None
    why = "as its sBIT chunk says" if stated else "if it is a dark picture of 16 bits, save it as 8"
    return f"16-bit samples up to {highest}: read as {bits} bits, {why}"


def to_uint8(values: NDArray[Any], most: float) -> NDArray[np.uint8]:
    """`values` from 0 to `most`, (height, width), scaled to 0 to 255 and rounded to the nearest."""
    result = np.empty(values.shape, np.uint8)
    # Some rows at a time: the three float arrays of a large picture would take four times its bytes each.
    for start in range(0, len(values), _ROWS):
        rows = values[start : start + _ROWS].astype(np.float32)
        result[start : start + _ROWS] = np.rint(rows * np.float32(255 / most)).astype(np.uint8)
    return result
