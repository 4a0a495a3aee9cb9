"""Stacks of images in .npy and IDX files: a stack of any size costs the memory of one image.

Each image is read from its place in the file. The file is not mapped into memory: if another process cut it short, this
one would end with SIGBUS. This module reads no encoded pictures (fmnist_runtime.images.decoding).
"""

import io
from typing import IO

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import DataError, ImageError
from fmnist_runtime.images import idx, npy
from fmnist_runtime.images.npy import Header
from fmnist_runtime.images.types import CONVENTION, SHAPE

_IMAGE_BYTES = SHAPE[0] * SHAPE[1]
# How much of an array of floats is read for a message.
_LOOKED_AT = 2**20


class Stack:
    """`count` images (28, 28) uint8 in `file`, the first at byte `start`; `single` for an array that is one image."""

    def __init__(self, file: IO[bytes], start: int, count: int, name: str, *, single: bool = False) -> None:
        self._file, self._start, self._name = file, start, name
        self.count, self.single = count, single

    def image(self, item: int) -> NDArray[np.uint8]:
        """Image number `item`, (28, 28) uint8, a new array. Raises ImageError where the file ends before it."""
        self._file.seek(self._start + item * _IMAGE_BYTES)
        content = bytearray(self._file.read(_IMAGE_BYTES))
        if len(content) != _IMAGE_BYTES:
            raise ImageError(f"{self._name}: image {item} is cut short; the file was changed while it was read")
        return np.frombuffer(content, np.uint8).reshape(SHAPE)


def open_idx(file: IO[bytes], most: int, name: str) -> Stack:
    """The stack in an IDX file; a gzip is unpacked into memory, at most `most` bytes. Raises ImageError."""
    try:
        if file.read(len(idx.GZIP_MAGIC)) == idx.GZIP_MAGIC:
            file.seek(0)
            file = io.BytesIO(idx.unpack(file, most, name))
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        shape, start = idx.read_header(file.read(idx.HEADER_BYTES), size, name)
    except DataError as error:
        raise ImageError(str(error)) from error
    if len(shape) != 3 or shape[1:] != SHAPE:
        raise ImageError(f"{name}: an IDX file of shape {shape}, expected images (N, 28, 28), not labels")
    return Stack(file, start, shape[0], name)


def open_numpy(file: IO[bytes], most: int, name: str) -> Stack:
    """The stack in a .npy file; one in Fortran order is read whole, at most `most` bytes. Raises ImageError."""
    try:
        header = npy.read_header(file)
    except ValueError as error:
        raise _npy_error(name, str(error)) from error
    if header.dtype.hasobject:
        raise _npy_error(name, "an array of objects, expected numbers")
    _check(header, file, name)
    size = file.seek(0, io.SEEK_END)
    if size < header.start + header.bytes:
        raise _npy_error(name, f"{size:,} bytes, expected {header.start + header.bytes:,}: it is cut short")
    single = len(header.shape) == 2
    start, count = header.start, 1 if single else header.shape[0]
    if header.fortran_order:
        file, start = _in_rows(header, file, most, name), 0
    return Stack(file, start, count, name, single=single)


def _check(header: Header, file: IO[bytes], name: str) -> None:
    """Check that the array is of uint8 and has the shape of images. Raises ImageError."""
    if header.dtype != np.uint8:
        problem = f"dtype {str(header.dtype)[:80]}"
        if np.issubdtype(header.dtype, np.floating) and not _is_finite(header, file):
            problem += " with values that are not finite"
        raise ImageError(f"{name}: {problem}, expected uint8 ({CONVENTION}); scale to 0..255 and use astype('uint8')")
    if header.shape[-2:] != SHAPE or len(header.shape) not in (2, 3):
        raise ImageError(f"{name}: an array of shape {header.shape}, expected (28, 28) or (N, 28, 28)")


def _is_finite(header: Header, file: IO[bytes]) -> bool:
    """Whether the first values of an array of floats are finite."""
    file.seek(header.start)
    width = header.dtype.itemsize
    content = file.read(min(header.bytes, _LOOKED_AT // width * width))
    return bool(np.isfinite(np.frombuffer(content[: len(content) // width * width], header.dtype)).all())


def _in_rows(header: Header, file: IO[bytes], most: int, name: str) -> IO[bytes]:
    """The array in row order: in Fortran order the bytes of an image lie far apart."""
    if header.bytes > most:
        raise ImageError(
            f"{name}: {header.bytes:,} bytes in Fortran order, expected at most {most:,}; "
            f"save numpy.ascontiguousarray of it"
        )
    file.seek(header.start)
    array = np.frombuffer(file.read(header.bytes), np.uint8)
    return io.BytesIO(array.reshape(header.shape, order="F").tobytes())


def _npy_error(name: str, found: str) -> ImageError:
    return ImageError(f"{name}: a damaged .npy file ({found}); save it again with numpy.save")
