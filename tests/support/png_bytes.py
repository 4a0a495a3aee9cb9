"""PNG files as the format defines them, chunk by chunk, also such as no library writes."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def header(width: int, height: int, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    """The content of the chunk IHDR."""
    return struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its length and its right checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
