"""Samples of more than 8 bits as 8 bits, by as many bits as they use.

A camera's 10 or 12 bits in a file of 16 are often stored as they are, so the largest sample is 1,023 or 4,095 and the
picture nearly black where it is read as a part of 65,535. PNG can say how many bits count (chunk sBIT); where nothing
says it, the largest sample tells, and a note says what was taken: a really dark picture of 16 bits looks the same.
Source: "Portable Network Graphics (PNG) Specification (Third Edition)", W3C, sections 5.3, 11.2.1 and 11.3.2.7.
"""

import struct
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_PNG_HEADER = struct.Struct(">8sI4sIIBB")
_CHUNK_HEADER = struct.Struct(">I4s")
# Chunks before the pixels; more than that is no picture of a camera.
_MOST_CHUNKS = 100
# What cameras deliver; 8 where 8-bit samples were saved as 16.
_DEPTHS = (8, 10, 12, 14)
_GREY = 0
_ROWS = 64


def png_bits(file: IO[bytes]) -> tuple[int, int | None, bool]:
    """Bits a sample of the PNG in `file`, how many count by its sBIT chunk (None without one), whether it is only grey.

    Leaves `file` at its beginning. Of something that is no PNG: 8, None, False.
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
    """How many bits samples of 16 bits use whose largest is `highest`; `stated` is what the file says, if it does.

    A PNG that keeps to its specification scales n bits up to 16 and says n: then the largest is beyond n bits, and all
    16 are used.
    """
    if stated is not None and stated < 16:
        return stated if highest < 2**stated else 16
    if stated is not None or highest == 0:
        return 16
    return next((bits for bits in _DEPTHS if highest < 2**bits), 16)


def sentence(highest: int, bits: int, stated: int | None) -> str | None:
    """What is said of samples of 16 bits that were taken for `bits` bits; None for all of them."""
    if bits == 16:
        return None
    why = "as its sBIT chunk says" if stated else "if it is a dark picture of 16 bits, save it as 8"
    return f"16-bit samples up to {highest}: taken as {bits} bits, {why}"


def to_uint8(values: NDArray[Any], most: float) -> NDArray[np.uint8]:
    """`values` from 0 to `most`, (height, width), as 0 to 255, rounded to the nearest."""
    result = np.empty(values.shape, np.uint8)
    # Some rows at a time: the floats of a large picture would take four times its bytes, thrice.
    for start in range(0, len(values), _ROWS):
        rows = values[start : start + _ROWS].astype(np.float32)
        result[start : start + _ROWS] = np.rint(rows * np.float32(255 / most)).astype(np.uint8)
    return result
