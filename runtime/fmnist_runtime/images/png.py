"""The plainest PNG, 28x28 in 8-bit grey, without Pillow, whose import costs more than the rest of a classification.

Anything else (another size or mode, interlacing, transparency, an orientation, damage) gives None and is left to
Pillow.
Source: "Portable Network Graphics (PNG) Specification (Third Edition)", W3C, sections 5, 9 and 11.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIDE = 28
# Width, height, bit depth 8, greyscale, deflate, the five filters, not interlaced.
_HEADER = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
# Chunks that say nothing about a pixel's value or place.
_IGNORED = {b"tEXt", b"pHYs", b"tIME"}
_BYTES = _SIDE * (_SIDE + 1)


def read_plain(content: bytes) -> NDArray[np.uint8] | None:
    """The pixels, (28, 28) uint8, if `content` is an intact PNG of 28x28 in 8-bit grey; else None."""
    try:
        data = _image_data(content)
        if data is None:
            return None
        inflater = zlib.decompressobj()
        lines = inflater.decompress(data, _BYTES + 1)
        if len(lines) != _BYTES or not inflater.eof or inflater.unused_data:
            return None
        return _unfiltered(lines)
    except (struct.error, zlib.error, ValueError):
        return None


def _image_data(content: bytes) -> bytes | None:
    """The content of all IDAT chunks; None unless every chunk is intact and known."""
    if not content.startswith(_SIGNATURE):
        return None
    position, data, first = len(_SIGNATURE), b"", True
    while True:
        length, kind = struct.unpack_from(">I4s", content, position)
        chunk = content[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack_from(">I", content, position + 8 + length)
        if checksum != zlib.crc32(kind + chunk) or (kind == b"IHDR") != first or (first and chunk != _HEADER):
            return None
        if kind == b"IEND":
            return data
        if kind == b"IDAT":
            data += chunk
        elif not first and kind not in _IGNORED:
            return None
        position, first = position + 12 + length, False


def _unfiltered(lines: bytes) -> NDArray[np.uint8] | None:
    """The pixels of filtered lines, each the number of a filter and 28 bytes; None for an unknown filter."""
    above = [0] * _SIDE
    pixels = []
    for start in range(0, _BYTES, _SIDE + 1):
        kind, line = lines[start], lines[start + 1 : start + 1 + _SIDE]
        if kind > 4:
            return None
        current: list[int] = []
        left = corner = 0
        for value, up in zip(line, above, strict=True):
            left = (value + _prediction(kind, left, up, corner)) & 0xFF
            current.append(left)
            corner = up
        pixels.append(current)
        above = current
    return np.array(pixels, np.uint8)


def _prediction(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        estimate = left + up - corner
        return min((left, up, corner), key=lambda neighbour: abs(estimate - neighbour))  # the first where some tie
    return (0, left, up, (left + up) // 2)[kind]
