"""Images from files: PNG and JPEG, numpy arrays, the data set's IDX files; one (28, 28) uint8 after another."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime import idx
from fmnist_runtime.errors import DataError, ImageError
from fmnist_runtime.pixels import CONVENTION, SHAPE

_NUMPY_MAGIC = b"\x93NUMPY"
_GZIP_MAGIC = b"\x1f\x8b"
_IDX_MAGIC = b"\0\0\x08"
# No PNG of 28x28 grey pixels is larger, unless it carries more than the picture.
_SMALL = 4096


class Image(NamedTuple):
    """An image with the file that it came from and its number there, None in a file of one image."""

    source: Path
    item: int | None
    pixels: NDArray[np.uint8]


def read_images(path: Path, indices: Sequence[int] = ()) -> Iterator[Image]:
    """The images in the file `path`, each (28, 28) uint8, 0 background and 255 garment; only `indices` if given.

    The content decides how the file is read, not its name. Raises ImageError where the file is unreadable, holds
    other shapes or dtypes, or has no image of that number.
    """
    start = _first_bytes(path)
    if start.startswith((_GZIP_MAGIC, _IDX_MAGIC)):
        stack = _read_idx(path)
    elif start.startswith(_NUMPY_MAGIC):
        stack = _read_numpy(path)
    else:
        stack = _read_picture(path)
    if stack.ndim == 2:
        if any(indices):
            raise ImageError(f"{path}: one image, so there is no --index {max(indices)}; leave --index away")
        yield Image(path, None, stack)
        return
    for item in indices:
        if not 0 <= item < len(stack):
            raise ImageError(f"{path}: {len(stack)} images, so there is no --index {item}; give 0 to {len(stack) - 1}")
    for item in indices or range(len(stack)):
        yield Image(path, item, stack[item])


def _first_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise ImageError(f"{path}: a folder, expected an image, .npy or IDX file; name the files in it")
    if path.exists() and not path.is_file():
        raise ImageError(f"{path}: not a regular file, expected an image, .npy or IDX file")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}); check the path and its rights") from error
    if not start:
        raise ImageError(f"{path}: empty, expected an image, .npy or IDX file")
    return start


def _read_idx(path: Path) -> NDArray[np.uint8]:
    try:
        images = idx.parse(idx.read_bytes(path), str(path))
    except DataError as error:
        raise ImageError(str(error)) from error
    if images.ndim != 3 or images.shape[1:] != SHAPE:
        raise ImageError(f"{path}: an IDX file of shape {images.shape}, expected images (N, 28, 28); labels hold none")
    return images


def _read_numpy(path: Path) -> NDArray[np.uint8]:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ImageError(f"{path}: a damaged .npy file ({error}); save it again with numpy.save") from error
    if array.dtype != np.uint8:
        problem = f"dtype {array.dtype}"
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            problem += " with values that are not finite"
        raise ImageError(f"{path}: {problem}, expected uint8 ({CONVENTION}); scale to 0..255 and use astype('uint8')")
    if array.shape[-2:] != SHAPE or array.ndim not in (2, 3):
        raise ImageError(f"{path}: an array of shape {array.shape}, expected (28, 28) or (N, 28, 28)")
    return np.ascontiguousarray(array)


def _read_picture(path: Path) -> NDArray[np.uint8]:
    from fmnist_runtime.png import read_plain

    # Pillow's import costs more than the rest of a classification, and the plainest file doesn't need it.
    if path.stat().st_size < _SMALL and (plain := read_plain(path.read_bytes())) is not None:
        return plain
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        with Pillow.open(path, formats=("PNG", "JPEG")) as picture:
            if picture.size != SHAPE or picture.mode not in ("L", "1", "P", "RGB"):
                width, height = picture.size
                raise ImageError(
                    f"{path}: a picture of {width}x{height}, mode {picture.mode}, expected 28x28 grey "
                    f"({CONVENTION}); resize and convert it first"
                )
            return np.asarray(picture.convert("L"), np.uint8)
    except UnidentifiedImageError as error:
        raise ImageError(f"{path}: not an image, expected PNG, JPEG, .npy or an IDX file") from error
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as error:
        raise ImageError(f"{path}: a damaged or cut-short picture ({error}); copy or save it again") from error
