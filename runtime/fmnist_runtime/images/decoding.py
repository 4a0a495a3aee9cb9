"""Encoded pictures (PNG, JPEG, ...) as upright RGB pixels of a bounded size.

Mode and depth are handled in fmnist_runtime.images.samples. This module does not find the garment
(fmnist_runtime.preprocessing). Pillow is imported when the first picture is read.
"""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import ImageError
from fmnist_runtime.images import samples
from fmnist_runtime.images.samples import LostBitsError

if TYPE_CHECKING:
    from PIL import Image as Pillow

# On a photo with this longest side a garment still spans some 100 pixels; the model sees 28.
MAX_SIDE = 512
# The limit while a picture is decoded: 100 MB at Pillow's four bytes a pixel.
MAX_DECODED_PIXELS = 25_000_000
# JPEG is decoded at a half, a quarter or an eighth of its size, so that 64 megapixels fit.
MAX_PIXELS = 64_000_000

_NOWHERE = logging.NullHandler()

# EXIF 2.3, tag 274 "Orientation", and the names of the Pillow transpositions that undo it.
_ORIENTATION_TAG = 274
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


@dataclass(frozen=True)
class Picture:
    """A decoded picture, upright, its longest side at most MAX_SIDE.

    `rgb` is (height, width, 3) uint8; `alpha` is (height, width) uint8, 0 transparent and 255 opaque, or None where
    the picture has no transparency. `note` says what was assumed about its samples, if anything.
    """

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    note: str | None = None

    @property
    def grey(self) -> NDArray[np.uint8] | None:
        """The pixels, (height, width) uint8, of a picture that is entirely grey and opaque; else None."""
        first = self.rgb[:, :, 0]
        opaque = self.alpha is None or bool((self.alpha == 255).all())
        if opaque and np.array_equal(first, self.rgb[:, :, 1]) and np.array_equal(first, self.rgb[:, :, 2]):
            return np.ascontiguousarray(first)
        return None


def decode(source: Path | IO[bytes], kind: str, name: str) -> Picture:
    """The picture in `source`, a path or a seekable stream, of the Pillow format `kind`; the first frame of several.

    Raises ImageError, with `name` for the file, where it is damaged, cut short or too large.
    """
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    # Pillow also logs errors, and logging prints them on standard error in a program without handlers.
    logging.getLogger("PIL").addHandler(_NOWHERE)
    # Process-wide, but harmless in threads: at worst a warning about a strange picture gets out. What Pillow only warns
    # about (metadata, sizes) is harmless or checked below.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            png = samples.png_bits(source) if kind == "PNG" else None
            with Pillow.open(source, formats=(kind,)) as picture:
                _check_size(picture, name)
                return _decode(picture, png)
        except ImageError:
            raise
        except LostBitsError as error:
            raise ImageError(f"{name}: {error}") from error
        except Pillow.DecompressionBombError as error:
            raise _size_error(name, "more pixels than Pillow opens") from error
        except KeyError as error:
            raise ImageError(
                f"{name}: a {kind} picture, which this machine's Pillow {_version()} cannot read; "
                f"update Pillow or save it as PNG or JPEG"
            ) from error
        except MemoryError as error:
            raise _size_error(name, "memory ran out") from error
        except Exception as error:  # Pillow's readers raise anything: struct.error, IndexError, zlib.error, ...
            reason = "invalid header" if isinstance(error, UnidentifiedImageError) else error
            raise ImageError(
                f"{name}: a damaged or cut-short {kind} picture ({reason}); copy or save it again"
            ) from error


def _check_size(picture: "Pillow.Image", name: str) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _size_error(name, f"{width}x{height} pixels")
    picture.draft(None, (MAX_SIDE, MAX_SIDE))
    if picture.size[0] * picture.size[1] > MAX_DECODED_PIXELS:
        raise _size_error(name, f"{width}x{height} pixels")


def _size_error(name: str, found: str) -> ImageError:
    return ImageError(
        f"{name}: too large a picture ({found}), expected at most {MAX_DECODED_PIXELS / 1e6:.0f} million pixels, "
        f"as JPEG {MAX_PIXELS / 1e6:.0f} million; scale it down first"
    )


def _version() -> str:
    from PIL import __version__

    return __version__


def _decode(picture: "Pillow.Image", png: tuple[int, int | None, bool] | None) -> Picture:
    from PIL import Image as Pillow

    picture.load()
    orientation = _orientation(picture)
    plain, note = samples.to_eight_bits(picture, samples.depth_of(picture, png))
    factor = -(-max(plain.size) // MAX_SIDE)
    if factor > 1:
        plain = plain.reduce(factor)
    if orientation in _UPRIGHT:
        plain = plain.transpose(Pillow.Transpose[_UPRIGHT[orientation]])
    pixels = np.asarray(plain)
    return Picture(pixels[:, :, :3], pixels[:, :, 3] if plain.mode == "RGBA" else None, note)


def _orientation(picture: "Pillow.Image") -> int:
    if picture.format == "TIFF":
        return 1  # Pillow turns a TIFF upright while it loads it, and some versions keep the tag
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # damaged metadata is no reason to refuse a readable picture
        return 1
