"""Encoded pictures (PNG, JPEG, ...) as RGB pixels of a bounded size, whatever the mode, depth and rotation.

What it does not do: find the garment (fmnist_runtime.photos). Pillow is imported when the first picture is read.
"""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import ImageError

if TYPE_CHECKING:
    from PIL import Image as Pillow

# A garment on a photo of this longest side still has some 100 pixels, where the model sees 28.
MAX_SIDE = 512
# What one picture may take while it is decoded: 100 MB at Pillow's four bytes a pixel.
MAX_DECODED_PIXELS = 25_000_000
# JPEG is decoded at a half, a quarter or an eighth of its size, so that a 64-megapixel camera's still fits.
MAX_PIXELS = 64_000_000

_NOWHERE = logging.NullHandler()

# EXIF 2.3, tag 274 "Orientation", as the names of Pillow's transpositions that undo it.
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
    the picture has no transparency.
    """

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None

    @property
    def grey(self) -> NDArray[np.uint8] | None:
        """The pixels, (height, width) uint8, of a picture that is grey and opaque all over; else None."""
        first = self.rgb[:, :, 0]
        opaque = self.alpha is None or bool((self.alpha == 255).all())
        if opaque and np.array_equal(first, self.rgb[:, :, 1]) and np.array_equal(first, self.rgb[:, :, 2]):
            return np.ascontiguousarray(first)
        return None


def decode(source: Path | IO[bytes], kind: str, name: str) -> Picture:
    """The picture in `source`, a path or a seekable stream, of the Pillow format `kind`; of an animation, frame 1.

    `name` stands in the message of the ImageError for a picture that is damaged, cut short, or too large.
    """
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    # Pillow logs errors too, and logging prints those of a program without handlers on standard error.
    logging.getLogger("PIL").addHandler(_NOWHERE)
    # Process-wide, and no harm in threads: at worst a warning about a strange picture gets out. What Pillow only warns
    # of (metadata, sizes) is either harmless or checked below.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Pillow.open(source, formats=(kind,)) as picture:
                _check_size(picture, name)
                return _decode(picture)
        except ImageError:
            raise
        except Pillow.DecompressionBombError as error:
            raise _too_large(name, "more pixels than Pillow opens") from error
        except KeyError as error:
            raise ImageError(
                f"{name}: a {kind} picture, which this machine's Pillow {_version()} cannot read; "
                f"update Pillow or save it as PNG or JPEG"
            ) from error
        except MemoryError as error:
            raise _too_large(name, "memory ran out") from error
        except Exception as error:  # Pillow's readers let anything through: struct.error, IndexError, zlib.error, ...
            reason = "its header makes no sense" if isinstance(error, UnidentifiedImageError) else error
            raise ImageError(
                f"{name}: a damaged or cut-short {kind} picture ({reason}); copy or save it again"
            ) from error


def _check_size(picture: "Pillow.Image", name: str) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width}x{height} pixels")
    picture.draft(None, (MAX_SIDE, MAX_SIDE))
    if picture.size[0] * picture.size[1] > MAX_DECODED_PIXELS:
        raise _too_large(name, f"{width}x{height} pixels")


def _too_large(name: str, found: str) -> ImageError:
    return ImageError(
        f"{name}: too large a picture ({found}), expected at most {MAX_DECODED_PIXELS / 1e6:.0f} million pixels, "
        f"as JPEG {MAX_PIXELS / 1e6:.0f} million; scale it down first"
    )


def _version() -> str:
    from PIL import __version__

    return __version__


def _decode(picture: "Pillow.Image") -> Picture:
    from PIL import Image as Pillow

    picture.load()
    orientation = _orientation(picture)
    plain = _eight_bits(picture)
    factor = -(-max(plain.size) // MAX_SIDE)
    if factor > 1:
        plain = plain.reduce(factor)
    if orientation in _UPRIGHT:
        plain = plain.transpose(Pillow.Transpose[_UPRIGHT[orientation]])
    pixels = np.asarray(plain)
    return Picture(pixels[:, :, :3], pixels[:, :, 3] if plain.mode == "RGBA" else None)


def _orientation(picture: "Pillow.Image") -> int:
    if picture.format == "TIFF":
        return 1  # Pillow turns TIFF upright while it loads it, and some versions keep the tag
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # damaged metadata is no reason to refuse a picture that can be seen
        return 1


def _eight_bits(picture: "Pillow.Image") -> "Pillow.Image":
    """The picture as RGB, or as RGBA where it has transparency."""
    from PIL import Image as Pillow

    if picture.mode.startswith(("I", "F")):
        return Pillow.fromarray(_to_uint8(np.asarray(picture), picture.mode)).convert("RGB")
    if picture.mode == "LAB":
        return picture.getchannel(0).convert("RGB")
    transparent = picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info
    return picture.convert("RGBA" if transparent else "RGB")


def _to_uint8(values: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Deeper greys as 8 bits. 16 bits span 0 to 65535; floats are taken as 0..1, 0..255 or 0..65535, by the largest.

    Raises ValueError for values that are not finite or lie outside of these.
    """
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("pixels that are not finite")
    # Pillow reads 16-bit PNG as I in some versions and as I;16 in others, so an I is 16 bits too.
    scales = (1.0, 255.0, 65535.0) if mode == "F" else (65535.0,)
    scale = next((scale for scale in scales if high <= scale), None)
    if low < 0 or scale is None:
        raise ValueError(f"pixels from {low:g} to {high:g}, expected 0 to {scales[-1]:g}")
    factor = np.float32(255 / scale)
    result: NDArray[np.uint8] = np.rint(values.astype(np.float32) * factor).astype(np.uint8)
    return result
