"""From any picture of a garment to the data set's kind of picture: (28, 28) uint8, 0 background and 255 garment.

The steps are those that made the data set. Source: Xiao, Rasul, Vollgraf: "Fashion-MNIST" (arXiv 1708.07747),
section 2: trim the edges that are within 5 % of the colour of the corners; reduce the longest side to 28 by skipping
rows and columns; sharpen by a Gaussian of radius and standard deviation 1.0, more near outlines; extend the shorter
side to 28 with the garment in the middle; negate; 8-bit grey.

The data set was made from studio pictures of 51x73 pixels on #fdfdfd. For pictures of a camera there are three
differences: the background may have a gradient and noise (fmnist_runtime.preprocessing.background); its grey becomes
0 and not nearly 0; rows and columns are averaged, not skipped.

This module reads no files (fmnist_runtime.sources).
"""

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import ImageError
from fmnist_runtime.images.decoding import Picture
from fmnist_runtime.images.types import SHAPE, Invert
from fmnist_runtime.preprocessing import background
from fmnist_runtime.preprocessing.background import Background
from fmnist_runtime.preprocessing.sharpening import sharpen

_SIDE = SHAPE[0]
# ITU-R BT.601 luma, as in Pillow's convert("L").
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# From this size on, single pixels are noise of the camera and not part of a garment.
_NOISY_SIDE = 100
# A cut-out whose visible pixels are lighter than this would be white on white, which the data set left out.
_WHITE = 230
_FAINT = 64


def convert(picture: Picture, invert: Invert, name: str) -> tuple[NDArray[np.uint8], str]:
    """`picture` as the data set's kind of image, (28, 28) uint8, and a note on what was decided.

    Raises ImageError, with `name` for the file, where nothing differs from the background.
    """
    flat, cut_out = _flatten(picture, invert)
    smooth = _smooth(flat)
    ground = background.estimate(smooth)
    negate = invert == "yes" or (invert == "auto" and ground.is_light)
    garment = background.distance(smooth, ground.colours) > ground.closeness
    box = _bounding_box(garment)
    if box is None:
        raise ImageError(
            f"{name}: nothing in it differs from its background (grey {ground.lightness} of 255), "
            f"expected one garment on a plain background; take a picture with more contrast"
        )
    intensity = np.where(garment, _intensity(flat @ _LUMA, ground, negate), np.float32(0))
    pixels = _centre(sharpen(_scale(intensity[box])))
    return pixels, _notes(pixels, ground, negate, invert, cut_out)


def _flatten(picture: Picture, invert: Invert) -> tuple[NDArray[np.uint8], bool]:
    """The picture, (height, width, 3) uint8, white where it is transparent, or black where the garment is white."""
    if picture.alpha is None or not (picture.alpha < 255).any():
        return picture.rgb, False
    alpha = picture.alpha[:, :, np.newaxis].astype(np.float32) / np.float32(255)
    rgb = picture.rgb.astype(np.float32)
    visible = float((rgb @ _LUMA * alpha[:, :, 0]).sum() / max(float(alpha.sum()), 1.0))
    black = invert == "no" or (invert == "auto" and visible > _WHITE)
    ground = np.float32(0 if black else 255)
    return np.rint(rgb * alpha + ground * (1 - alpha)).astype(np.uint8), True


def _smooth(flat: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`flat` as float32, averaged over 3x3 pixels where it is large enough for noise of single pixels."""
    if min(flat.shape[:2]) < _NOISY_SIDE:
        return flat.astype(np.float32)
    from PIL import Image as Pillow
    from PIL import ImageFilter

    return np.asarray(Pillow.fromarray(flat).filter(ImageFilter.BoxBlur(1)), np.float32)


def _bounding_box(garment: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """Rows and columns that hold `garment`, (height, width), apart from specks; None where there is no garment."""
    # A row or column belongs to the garment if more than a hundredth of its pixels do.
    height, width = garment.shape
    rows = np.nonzero(garment.sum(axis=1) > width // 100)[0]
    columns = np.nonzero(garment.sum(axis=0) > height // 100)[0]
    if not len(rows) or not len(columns):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _intensity(grey: NDArray[np.float32], ground: Background, negate: bool) -> NDArray[np.float32]:
    """The distance of `grey` from the background towards black (`negate`) or white, 0 to 255."""
    base = ground.colours @ _LUMA
    if negate:
        result = (base - grey) * (255 / np.maximum(base, 1))
    else:
        result = (grey - base) * (255 / np.maximum(255 - base, 1))
    clipped: NDArray[np.float32] = np.clip(result, 0, 255)
    return clipped


def _scale(garment: NDArray[np.float32]) -> NDArray[np.float32]:
    """`garment`, (height, width), scaled to a longest side of 28 with the same ratio; the shorter is at least 1."""
    from PIL import Image as Pillow

    height, width = garment.shape
    factor = _SIDE / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    picture = Pillow.fromarray(np.ascontiguousarray(garment, np.float32))
    return np.asarray(picture.resize(size, Pillow.Resampling.BOX), np.float32)


def _centre(garment: NDArray[np.float32]) -> NDArray[np.uint8]:
    height, width = garment.shape
    # An odd margin has its larger half at the top and on the left, as in nearly all images of the data set.
    top, left = (_SIDE - height + 1) // 2, (_SIDE - width + 1) // 2
    pixels = np.zeros(SHAPE, np.uint8)
    pixels[top : top + height, left : left + width] = np.rint(np.clip(garment, 0, 255)).astype(np.uint8)
    return pixels


def _notes(pixels: NDArray[np.uint8], ground: Background, negate: bool, invert: Invert, cut_out: bool) -> str:
    kind = "light" if ground.is_light else "dark"
    where = "transparent background taken as" if cut_out else "background is"
    done = "inverted" if negate else "not inverted"
    why = "" if invert == "auto" else f", as --invert {invert} asks"
    notes = [f"{where} {kind} (grey {ground.lightness} of 255): {done}{why}"]
    if ground.share < 0.5:
        notes.append(f"only {ground.share:.0%} of the border is plain background, so the cut-out may be wrong")
    if pixels.max() < _FAINT:
        notes.append("the garment hardly differs from its background, so the answer may be wrong")
    return "; ".join(notes)
