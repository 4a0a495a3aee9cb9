"""The IDX format of MNIST and Fashion-MNIST: a magic number, big-endian sizes, then unsigned bytes.

Source: "The MNIST database of handwritten digits", section "File formats": two zero bytes, the type code
(0x08 for unsigned bytes), the number of dimensions, then one 32-bit big-endian size a dimension.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08


def read_bytes(path: Path) -> bytes:
    """The decompressed bytes of an IDX file, gzipped or not. Raises DataError where it cannot be read."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: the gzip data is damaged or cut short ({error}); copy or download the file again"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); check the path and its rights") from error


def parse(content: bytes, name: str) -> NDArray[np.uint8]:
    """The array that IDX bytes hold, dtype uint8, any shape. `name` stands in the DataError of a damaged one."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise DataError(
            f"{name}: not an IDX file of unsigned bytes (found {content[:4].hex() or 'nothing'}, expected 000008..); "
            f"give a file such as t10k-images-idx3-ubyte.gz"
        )
    header = 4 + 4 * content[3]
    shape = tuple(int(size) for size in np.frombuffer(content[4:header], ">u4")) if len(content) >= header else ()
    expected = header + int(np.prod(shape, dtype=object)) if shape else -1
    if len(content) != expected:
        raise DataError(
            f"{name}: the IDX header asks for shape {shape} and {expected} bytes, found {len(content)}; "
            f"the file is cut short or damaged, copy it again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
