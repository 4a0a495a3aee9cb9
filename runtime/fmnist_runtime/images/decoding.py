"""Encoded pictures (PNG, JPEG, ...) as RGB pixels of a bounded size, whatever the mode, depth and rotation.

It does not find the garment (fmnist_runtime.preprocessing). Pillow is imported when the first picture is read.
"""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import ImageError
from fmnist_runtime.images import bit_depths

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
# TIFF 6.0, tag 258 "BitsPerSample".
_BITS_TAG = 258
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
    the picture has no transparency. `note` says in words what was assumed of its samples, if anything was.
    """

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    note: str | None = None

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
            png = _png_bits(source) if kind == "PNG" else None
            with Pillow.open(source, formats=(kind,)) as picture:
                _check_size(picture, name)
                return _decode(picture, png)
        except ImageError:
            raise
        except _LostBitsError as error:
            raise ImageError(f"{name}: {error}") from error
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


class _LostBitsError(Exception):
    """A sound picture of which Pillow delivers too little; the message says what to do."""


class _Depth(NamedTuple):
    """What a file says of its samples: how many of 16 bits count, None where it doesn't say.

    `scaled` where Pillow has brought them to 16 bits already, `colours` where it has cut them to 8.
    """

    stated: int | None = None
    scaled: bool = False
    colours: bool = False


def _png_bits(source: Path | IO[bytes]) -> tuple[int, int | None, bool]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return bit_depths.png_bits(file)
    return bit_depths.png_bits(source)


def _depth(picture: "Pillow.Image", png: tuple[int, int | None, bool] | None) -> _Depth:
    if png is not None:
        bits, stated, grey = png
        return _Depth(stated, colours=bits == 16 and not grey)
    if picture.format == "PPM":
        return _Depth(scaled=True)  # by its largest value, which stands in its header
    if picture.format == "TIFF":
        bits = picture.tag_v2.get(_BITS_TAG, (16,))[0]  # type: ignore[attr-defined]
        return _Depth(bits if bits < 16 else None)
    return _Depth()


def _decode(picture: "Pillow.Image", png: tuple[int, int | None, bool] | None) -> Picture:
    from PIL import Image as Pillow

    picture.load()
    orientation = _orientation(picture)
    plain, note = _eight_bits(picture, _depth(picture, png))
    factor = -(-max(plain.size) // MAX_SIDE)
    if factor > 1:
        plain = plain.reduce(factor)
    if orientation in _UPRIGHT:
        plain = plain.transpose(Pillow.Transpose[_UPRIGHT[orientation]])
    pixels = np.asarray(plain)
    return Picture(pixels[:, :, :3], pixels[:, :, 3] if plain.mode == "RGBA" else None, note)


def _orientation(picture: "Pillow.Image") -> int:
    if picture.format == "TIFF":
        return 1  # Pillow turns TIFF upright while it loads it, and some versions keep the tag
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # damaged metadata is no reason to refuse a picture that can be seen
        return 1


def _eight_bits(picture: "Pillow.Image", depth: _Depth) -> tuple["Pillow.Image", str | None]:
    """The picture as RGB, or as RGBA where it has transparency, and what was assumed of its samples."""
    from PIL import Image as Pillow

    if picture.mode.startswith(("I", "F")):
        pixels, note = _deep(np.asarray(picture), picture.mode, depth)
        return Pillow.fromarray(pixels).convert("RGB"), note
    if picture.mode == "LAB":
        return picture.getchannel(0).convert("RGB"), None
    transparent = picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info
    plain = picture.convert("RGBA" if transparent else "RGB")
    return _deep_colours(plain, depth) if depth.colours else (plain, None)


def _deep(values: NDArray[Any], mode: str, depth: _Depth) -> tuple[NDArray[np.uint8], str | None]:
    """Deeper greys as 8 bits, and what was assumed; floats are taken as 0..1, 0..255 or 0..65535, by the largest.

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
    if mode == "F" or depth.scaled:
        return bit_depths.to_uint8(values, scale), None
    bits = bit_depths.bits_used(int(high), depth.stated)
    return bit_depths.to_uint8(values, 2**bits - 1), bit_depths.sentence(int(high), bits, depth.stated)


def _deep_colours(plain: "Pillow.Image", depth: _Depth) -> tuple["Pillow.Image", str | None]:
    """A picture of 16-bit colours, of which Pillow keeps the upper 8 bits: spread where the samples use fewer.

    Raises _LostBitsError where so few are left that the picture would be made up.
    """
    bands = plain.split()
    highest = max(int(band.getextrema()[1]) for band in bands[:3]) * 256 + 255  # type: ignore[arg-type]
    bits = bit_depths.bits_used(highest, depth.stated)
    if bits == 16:
        return plain, None
    if bits <= 12:
        raise _LostBitsError(
            f"16-bit colours that use {bits} bits, of which Pillow keeps the upper {bits - 8}; save it in 8 bits"
        )
    table = bit_depths.to_uint8(np.minimum(np.arange(256), 2 ** (bits - 8) - 1), 2 ** (bits - 8) - 1).tolist()
    spread = plain.point(table * 3 + list(range(256)) * (len(bands) - 3))
    return spread, bit_depths.sentence(highest, bits, depth.stated)
