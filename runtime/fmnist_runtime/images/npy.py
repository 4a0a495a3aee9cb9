"""The .npy format, read without trusting its header: nothing is allocated before the bytes are there.

numpy's own reader allocates what the header claims first. Its parser of the header is used, on a header that is short.
Source: "NPY format" in numpy's documentation (numpy.lib.format).
"""

import io
import math
import warnings
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.system.reading import reason

# numpy writes headers of 128 bytes and refuses those above 10,000.
_MAXIMUM_HEADER = 12_000
_MAXIMUM_RANK = 8
# Untyped in some versions of numpy.
_format: Any = np.lib.format


class Header(NamedTuple):
    """What a .npy file says of its array, whose first byte is the file's byte number `start`."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    start: int

    @property
    def bytes(self) -> int:
        """The bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(file: IO[bytes]) -> Header:
    """The header at the beginning of `file`. Raises ValueError, whatever is wrong with it."""
    start = io.BytesIO(file.read(_MAXIMUM_HEADER))
    # numpy remarks on headers of old versions.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            version = _format.read_magic(start)
            if version not in ((1, 0), (2, 0), (3, 0)):
                raise ValueError(f"version {version}, expected 1.0 to 3.0")
            # 3.0 differs from 2.0 in how names of fields are encoded, which no array of numbers has.
            old = version == (1, 0)
            read = _format.read_array_header_1_0 if old else _format.read_array_header_2_0
            shape, fortran_order, dtype = read(start)
        except Exception as error:  # TokenError, SyntaxError, TypeError, RecursionError, MemoryError, ...
            raise ValueError(f"a header that makes no sense ({reason(error)})") from error
    if len(shape) > _MAXIMUM_RANK or not all(0 <= size < 2**48 for size in shape):
        raise ValueError("a header with a shape that no array has")
    return Header(shape, dtype, bool(fortran_order), start.tell())


def parse(content: bytes) -> NDArray[Any]:
    """The array that `content`, all bytes of a .npy file, holds. Raises ValueError, whatever is wrong with it."""
    header = read_header(io.BytesIO(content))
    if header.dtype.hasobject:
        raise ValueError("an array of objects, expected numbers")
    if len(content) - header.start != header.bytes:
        raise ValueError(
            f"{len(content) - header.start:,} bytes, expected {header.bytes:,} for an array of shape {header.shape}"
        )
    array = np.zeros(0, header.dtype) if header.bytes == 0 else np.frombuffer(content, header.dtype, -1, header.start)
    return array.reshape(header.shape, order="F" if header.fortran_order else "C").copy()
