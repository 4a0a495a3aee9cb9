"""The IDX format of MNIST and Fashion-MNIST: a magic number, big-endian sizes, then unsigned bytes.

Source: "The MNIST database of handwritten digits", section "File formats": two zero bytes, the type code
(0x08 for unsigned bytes), the number of dimensions, then one 32-bit big-endian size a dimension.

It does not know which file belongs to which data set (fmnist_runtime.data).
"""

import math
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import DataError
from fmnist_runtime.system import reading

GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08
# Colour images have four dimensions.
_MAXIMUM_RANK = 4
HEADER_BYTES = 4 + 4 * _MAXIMUM_RANK
# The limit where the caller gives none: some five times the largest file of Fashion-MNIST.
MAXIMUM_BYTES = 256 * 2**20
# For gzip: the bytes that are read at a time, and the most members and pieces of padding.
_CHUNK = 2**16
_MAXIMUM_MEMBERS = 4096


def read_bytes(path: Path, most: int = MAXIMUM_BYTES) -> bytes:
    """The decompressed bytes of an IDX file, gzipped or not, at most `most`.

    Raises DataError where it cannot be read, is damaged or larger.
    """
    with reading.open_file(path, "an IDX file", DataError) as file:
        return unpack(file, most, str(path))


def unpack(file: IO[bytes], most: int, name: str) -> bytes:
    """The rest of the seekable `file`, decompressed if it is gzip. Raises DataError for more than `most` bytes.

    A gzip of a megabyte may unpack to a gigabyte: at most `most` + 1 bytes are ever unpacked, and twice that is held
    at the end. `name` stands for the file in messages.
    """
    begin = file.tell()
    packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(begin)
    try:
        content = _inflate(file, most) if packed else file.read(most + 1)
    except (EOFError, ValueError, OSError, zlib.error) as error:
        raise DataError(
            f"{name}: damaged or cut short ({reading.error_text(error)}); copy or download the file again"
        ) from error
    if len(content) > most:
        raise DataError(
            f"{name}: more than {most:,} bytes{' when unpacked' if packed else ''}, expected {most:,} at most"
        )
    return content


def _inflate(file: IO[bytes], most: int) -> bytes:
    """The members of the gzip `file`, one after another, at most `most` + 1 bytes.

    Without the module gzip, which reads a header byte by byte and any number of empty members.
    """
    content, packed = bytearray(), b""
    for _ in range(_MAXIMUM_MEMBERS):
        inflater = zlib.decompressobj(wbits=31)
        while not inflater.eof:
            packed = packed or file.read(_CHUNK)
            if not packed:
                raise EOFError("the gzip data ends before its end")
            content += inflater.decompress(packed, most + 1 - len(content))
            if len(content) > most:
                return bytes(content)
            packed = inflater.unconsumed_tail
        packed = _after_padding(inflater.unused_data, file)
        if not packed:
            return bytes(content)
    raise ValueError(f"more than {_MAXIMUM_MEMBERS:,} members")


def _after_padding(packed: bytes, file: IO[bytes]) -> bytes:
    """What follows the zero bytes in `packed` and then in `file`, which may pad a member to a full block."""
    for _ in range(_MAXIMUM_MEMBERS):
        packed = packed.lstrip(b"\0")
        if packed:
            return packed
        packed = file.read(_CHUNK)
        if not packed:
            return b""
    raise ValueError("only zeros after the gzip data")


def parse(content: bytes, name: str) -> NDArray[np.uint8]:
    """The array in the IDX bytes `content`, uint8; `name` stands for the file in messages. Raises DataError."""
    shape, start = read_header(content[:HEADER_BYTES], len(content), name)
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_header(start: bytes, size: int, name: str) -> tuple[tuple[int, ...], int]:
    """The shape of the array in an IDX file of `size` bytes that begins with `start`, and the position of its bytes.

    `start` is the first HEADER_BYTES of the file, or all of it. Raises DataError unless the shape has one to four
    dimensions and takes exactly the rest of the file.
    """
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != _UNSIGNED_BYTE:
        raise DataError(
            f"{name}: not an IDX file of unsigned bytes (found {start[:4].hex() or 'nothing'}, expected 000008..); "
            f"give a file such as t10k-images-idx3-ubyte.gz"
        )
    rank = start[3]
    if not 1 <= rank <= _MAXIMUM_RANK:
        raise DataError(f"{name}: an IDX file of {rank} dimensions, expected 1 to {_MAXIMUM_RANK}; copy the file again")
    header = 4 + 4 * rank
    if len(start) < header:
        raise DataError(f"{name}: {size} bytes, less than an IDX header; it is cut short, copy it again")
    shape = struct.unpack_from(f">{rank}I", start, 4)
    expected = header + math.prod(shape)
    # Some shapes are impossible even for an empty array: numpy refuses (0, 4294967295, 4294967295).
    sound = 0 not in shape or math.prod(max(size, 1) for size in shape) < 2**31
    if size != expected or not sound:
        raise DataError(
            f"{name}: the IDX header asks for shape {shape} and {expected} bytes, found {size}; "
            f"the file is cut short or damaged, copy it again"
        )
    return shape, header
