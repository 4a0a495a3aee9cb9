"""Images from files: pictures, numpy arrays and the data set's IDX files, one (28, 28) uint8 image after another.

It does not turn a photograph into the data set's kind of picture (fmnist_runtime.preprocessing), find the files of a
folder (fmnist_runtime.sources.paths) or read raw frames (fmnist_runtime.sources.frames).
"""

import contextlib
import io
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import FmnistError, ImageError
from fmnist_runtime.images import filetypes, png, stacks
from fmnist_runtime.images.types import INVERT, INVERTED_WARNING, SHAPE, Image, Invert
from fmnist_runtime.preprocessing.background import looks_light
from fmnist_runtime.system import reading

# The limit for an encoded picture, and for an unpacked gzip: the data set's largest file is 47 MB.
MAX_BYTES = 256 * 2**20
# No PNG of 28x28 grey pixels is larger, unless it holds more than the picture.
_SMALL = 4096
_STANDARD_INPUT = Path("-")


def read_images(
    path: str | os.PathLike[str], indices: Sequence[int] = (), *, invert: Invert = "auto"
) -> Iterator[Image]:
    """The images in the file `path`, each (28, 28) uint8, 0 background and 255 garment; only `indices` if given.

    The content decides how the file is read, not its name. A picture that is 28x28 and grey, an array and an IDX file
    stay unchanged unless `invert` is "yes". Any other picture is converted by
    fmnist_runtime.preprocessing.fashion_mnist, and negated if `invert` is "yes", or "auto" and its background is light.

    Raises ImageError where the file is unreadable, holds other shapes or dtypes, has no image of a number in `indices`,
    or anything else fails while it is read. A picture, a gzip or an array in Fortran order may take MAX_BYTES, twice
    that while it is unpacked; of any other array one image at a time is in memory. Nothing is mapped into memory:
    another process may write to the file.
    """
    path = Path(path)
    with _reading(str(path)), _open(path) as file:
        yield from _images(path, file, indices, invert)


def read_stream(stream: IO[bytes], indices: Sequence[int] = (), *, invert: Invert = "auto") -> Iterator[Image]:
    """The images in the one file that `stream` delivers, as `read_images`; their source is "-"."""
    with _reading("standard input"):
        content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise _size_error("standard input")
        yield from _images(_STANDARD_INPUT, io.BytesIO(content), indices, invert)


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn every error while the file `name` is read into an ImageError, so that the other files are still read.

    The readers of numpy, zlib and Pillow raise more kinds of errors than a list could hold.
    """
    try:
        yield
    except FmnistError:
        raise
    except Exception as error:
        raise ImageError(
            f"{name}: cannot be read ({type(error).__name__}: {reading.error_text(error)}); copy or save the file again"
        ) from error


def _images(path: Path, file: IO[bytes], indices: Sequence[int], invert: Invert) -> Iterator[Image]:
    if invert not in INVERT:
        raise ImageError(f"invert={invert!r} is unknown, expected one of {', '.join(INVERT)}")
    start = file.read(filetypes.LENGTH)
    file.seek(0)
    kind = filetypes.kind_of(start)
    if kind not in filetypes.ARRAYS:
        yield _read_picture(path, file, start, kind, indices, invert)
        return
    open_stack = stacks.open_numpy if kind == filetypes.NPY else stacks.open_idx
    stack = open_stack(file, MAX_BYTES, str(path))
    if stack.single:
        _check_single(path, indices)
        yield _unchanged(path, None, stack.image(0), invert, warned=False)
        return
    warned = False
    for item in _items(path, stack.count, indices):
        image = _unchanged(path, item, stack.image(item), invert, warned)
        warned = warned or image.note is not None
        yield image


def _open(path: Path) -> IO[bytes]:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise _access_error(path, error) from error
    if stat.S_ISDIR(mode):
        raise ImageError(f"{path}: a folder, expected an image, .npy or IDX file; name the files in it")
    if not stat.S_ISREG(mode):
        raise ImageError(f"{path}: not a regular file, expected an image, .npy or IDX file; give a pipe as -")
    try:
        return path.open("rb")
    except OSError as error:
        raise _access_error(path, error) from error


def _access_error(path: Path, error: Exception) -> ImageError:
    reason = getattr(error, "strerror", None) or error
    return ImageError(f"{path}: cannot be read ({reason}); check the path and its permissions")


def _items(path: Path, count: int, indices: Sequence[int]) -> Sequence[int]:
    if count == 0:
        raise ImageError(f"{path}: no image in it, expected at least one")
    for item in indices:
        if not 0 <= item < count:
            raise ImageError(f"{path}: {count} images, so there is no --index {item}; give 0 to {count - 1}")
    return indices or range(count)


def _check_single(path: Path, indices: Sequence[int]) -> None:
    if any(indices):
        raise ImageError(f"{path}: one image, so there is no --index {max(indices)}; leave --index out")


def _unchanged(path: Path, item: int | None, pixels: NDArray[np.uint8], invert: Invert, warned: bool) -> Image:
    """The image unchanged, or negated if `invert` is "yes"; with one warning a file where an image looks inverted."""
    pixels = np.bitwise_not(pixels) if invert == "yes" else pixels
    note = INVERTED_WARNING if invert == "auto" and not warned and looks_light(pixels) else None
    return Image(path, item, pixels, note)


def _read_picture(
    path: Path, file: IO[bytes], start: bytes, kind: str | None, indices: Sequence[int], invert: Invert
) -> Image:
    if not start:
        raise ImageError(f"{path}: empty, expected an image, .npy or IDX file")
    if kind is None:
        hint = "; save HEIC photos as JPEG" if filetypes.is_heic(start) else ""
        raise ImageError(f"{path}: not a readable image, expected {filetypes.PICTURES}, .npy or IDX{hint}")
    _check_single(path, indices)
    size = file.seek(0, 2)
    if size > MAX_BYTES:
        raise _size_error(str(path))
    file.seek(0)
    # Pillow's import costs more than the rest of a classification, and the plainest file does not need it.
    if size < _SMALL and kind == "PNG" and (plain := png.read_plain(file.read())) is not None:
        return _unchanged(path, None, plain, invert, warned=False)
    file.seek(0)
    from fmnist_runtime.images import decoding
    from fmnist_runtime.preprocessing import fashion_mnist

    picture = decoding.decode(file, kind, str(path))
    grey = picture.grey
    if grey is not None and grey.shape == SHAPE:
        image = _unchanged(path, None, grey, invert, warned=False)
        return image._replace(note=_joined(picture.note, image.note))
    pixels, note = fashion_mnist.convert(picture, invert, str(path))
    return Image(path, None, pixels, _joined(picture.note, note))


def _joined(*notes: str | None) -> str | None:
    return "; ".join(filter(None, notes)) or None


def _size_error(name: str) -> ImageError:
    return ImageError(f"{name}: more than {MAX_BYTES // 2**20} MiB, expected one image, .npy or IDX file")
