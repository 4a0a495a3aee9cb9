"""The samples of a decoded picture as 8-bit RGB or RGBA, whatever its mode and depth.

How many bits samples use is decided in fmnist_runtime.images.bit_depths. This module opens no files.
"""

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.images import bit_depths

if TYPE_CHECKING:
    from PIL import Image as Pillow

# TIFF 6.0, tag 258 "BitsPerSample".
_BITS_TAG = 258


class LostBitsError(Exception):
    """Pillow drops too many bits of an intact picture; the message says what to do."""


class Depth(NamedTuple):
    """What a file says about its samples: `stated` is how many of 16 bits count, None where it does not say.

    `scaled` is true where Pillow has already scaled them to 16 bits, `colours` where it has cut them to 8.
    """

    stated: int | None = None
    scaled: bool = False
    colours: bool = False


def png_bits(source: Path | IO[bytes]) -> tuple[int, int | None, bool]:
    """As bit_depths.png_bits, for a path or a seekable stream."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return bit_depths.png_bits(file)
    return bit_depths.png_bits(source)


def depth_of(picture: "Pillow.Image", png: tuple[int, int | None, bool] | None) -> Depth:
    """The depth of `picture`; `png` is the result of `png_bits` for a PNG, else None."""
    if png is not None:
        bits, stated, grey = png
        return Depth(stated, colours=bits == 16 and not grey)
    if picture.format == "PPM":
        return Depth(scaled=True)  # by the largest value, which its header states
    if picture.format == "TIFF":
        bits = picture.tag_v2.get(_BITS_TAG, (16,))[0]  # type: ignore[attr-defined]
        return Depth(bits if bits < 16 else None)
    return Depth()


def to_eight_bits(picture: "Pillow.Image", depth: Depth) -> tuple["Pillow.Image", str | None]:
    """The picture as RGB, or as RGBA where it has transparency, and a note on what was assumed about its samples.

    Raises ValueError for samples that are not finite or out of range, LostBitsError.
    """
    from PIL import Image as Pillow

    if picture.mode.startswith(("I", "F")):
        pixels, note = _deep(np.asarray(picture), picture.mode, depth)
        return Pillow.fromarray(pixels).convert("RGB"), note
    if picture.mode == "LAB":
        return picture.getchannel(0).convert("RGB"), None
    transparent = picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info
    plain = picture.convert("RGBA" if transparent else "RGB")
    return _deep_colours(plain, depth) if depth.colours else (plain, None)


def _deep(values: NDArray[Any], mode: str, depth: Depth) -> tuple[NDArray[np.uint8], str | None]:
    """Greys of more than 8 bits as 8 bits, and a note; the largest float decides between 0..1, 0..255 and 0..65535.

    Raises ValueError for values that are not finite or out of range.
    """
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("pixels that are not finite")
    # Some versions of Pillow read a 16-bit PNG as mode I and others as I;16, so I has 16 bits too.
    scales = (1.0, 255.0, 65535.0) if mode == "F" else (65535.0,)
    scale = next((scale for scale in scales if high <= scale), None)
    if low < 0 or scale is None:
        raise ValueError(f"pixels from {low:g} to {high:g}, expected 0 to {scales[-1]:g}")
    if mode == "F" or depth.scaled:
        return bit_depths.to_uint8(values, scale), None
    bits = bit_depths.bits_used(int(high), depth.stated)
    return bit_depths.to_uint8(values, 2**bits - 1), bit_depths.note(int(high), bits, depth.stated)


def _deep_colours(plain: "Pillow.Image", depth: Depth) -> tuple["Pillow.Image", str | None]:
    """A picture of 16-bit colours, of which Pillow keeps the upper 8 bits: scaled up where the samples use fewer bits.

    Raises LostBitsError where too few bits are left.
    """
    bands = plain.split()
    highest = max(int(band.getextrema()[1]) for band in bands[:3]) * 256 + 255  # type: ignore[arg-type]
    bits = bit_depths.bits_used(highest, depth.stated)
    if bits == 16:
        return plain, None
    if bits <= 12:
        raise LostBitsError(
            f"16-bit colours that use {bits} bits, of which Pillow keeps the upper {bits - 8}; save it in 8 bits"
        )
    table = bit_depths.to_uint8(np.minimum(np.arange(256), 2 ** (bits - 8) - 1), 2 ** (bits - 8) - 1).tolist()
    spread = plain.point(table * 3 + list(range(256)) * (len(bands) - 3))
    return spread, bit_depths.note(highest, bits, depth.stated)
