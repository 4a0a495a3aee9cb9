"""The .npy format, read without trusting its header: memory is allocated only for bytes that exist.

numpy's own reader first allocates what the header claims. Only its parser of the header is used, on a header of limited
size. This module does not check that an array holds images (fmnist_runtime.images.stacks).
Source: "NPY format" in numpy's documentation (numpy.lib.format).
"""

import io
import math
import warnings
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.system.reading import error_text

# numpy writes headers of 128 bytes and refuses those above 10,000.
_MAXIMUM_HEADER = 12_000
_MAXIMUM_RANK = 8
# Untyped in some versions of numpy.
_format: Any = np.lib.format


class Header(NamedTuple):
    """The header of a .npy file; the array starts at byte `start` of the file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    start: int

    @property
    def bytes(self) -> int:
        """The size of the array in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(file: IO[bytes]) -> Header:
    """The header at the beginning of `file`. Raises ValueError for every kind of damage."""
    start = io.BytesIO(file.read(_MAXIMUM_HEADER))
    # numpy warns about headers of old versions.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            version = _format.read_magic(start)
            if version not in ((1, 0), (2, 0), (3, 0)):
                raise ValueError(f"version {version}, expected 1.0 to 3.0")
            # 3.0 differs from 2.0 in the encoding of field names, which an array of numbers does not have.
            old = version == (1, 0)
            read = _format.read_array_header_1_0 if old else _format.read_array_header_2_0
            shape, fortran_order, dtype = read(start)
        except Exception as error:  # TokenError, SyntaxError, TypeError, RecursionError, MemoryError, ...
            raise ValueError(f"an invalid header ({error_text(error)})") from error
    if len(shape) > _MAXIMUM_RANK or not all(0 <= size < 2**48 for size in shape):
        raise ValueError("a header with an impossible shape")
    return Header(shape, dtype, bool(fortran_order), start.tell())


def parse(content: bytes) -> NDArray[Any]:
    """The array in `content`, all bytes of a .npy file. Raises ValueError for every kind of damage."""
    header = read_header(io.BytesIO(content))
    if header.dtype.hasobject:
        raise ValueError("an array of objects, expected numbers")
    if len(content) - header.start != header.bytes:
        raise ValueError(
            f"{len(content) - header.start:,} bytes, expected {header.bytes:,} for an array of shape {header.shape}"
        )
    array = np.zeros(0, header.dtype) if header.bytes == 0 else np.frombuffer(content, header.dtype, -1, header.start)
    return array.reshape(header.shape, order="F" if header.fortran_order else "C").copy()
