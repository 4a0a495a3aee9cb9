"""The plain background of a picture: its colour, how even it is, and whether it is light. It cuts nothing out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# A pixel within this share of the maximum RGB intensity from the background counts as background.
# Source: Xiao, Rasul, Vollgraf: "Fashion-MNIST" (arXiv 1708.07747), section 2, step 2.
CLOSENESS = 0.05

# Noise within this many standard deviations is background, up to the cap; a higher one would remove pale garments.
_DEVIATIONS = 4.0
_MAX_CLOSENESS = 0.15
# Where the light fades from one side to the other, the border differs this much from the colour of the corners.
_UNEVENNESS = 0.2
_LIGHT = 128
# The share of light border pixels from which on an image counts as light. None of the 60,000 training images reaches
# it; after negation, 99.99 % of them do.
_LIGHT_SHARE = 0.6


class Background(NamedTuple):
    """The background of one picture.

    `colours` is (height, width, 3) float32, 0 to 255, also where the garment hides the background; `lightness` is its
    mean grey, 0 black to 255 white; `closeness` is the distance, a share of the maximum intensity, within which a pixel
    is background; `share` is the part of the picture's border, 0 to 1, that looks like the background.
    """

    colours: NDArray[np.float32]
    lightness: int
    closeness: float
    share: float

    @property
    def is_light(self) -> bool:
        """Whether a picture on this background must be negated to look like the data set's."""
        return self.lightness >= _LIGHT


def estimate(picture: NDArray[np.float32]) -> Background:
    """The background of `picture`, (height, width, 3) float32 of 0 to 255, from its border.

    Starts at the colour of the corners, as the data set's own conversion does, and fits a plane to the pixels of the
    border that are near it, so that a gradient of light does not count as garment.
    """
    height, width = picture.shape[:2]
    rows, columns = _border(height, width)
    border = picture[rows, columns]
    places = np.stack([np.ones_like(rows), rows / height, columns / width], axis=1).astype(np.float32)
    plane = np.zeros((3, 3), np.float32)
    plane[0] = _corner_colour(picture)
    near = distance(border, places @ plane) <= _UNEVENNESS
    for _ in range(3):
        if near.sum() < 3:
            break
        plane = np.linalg.lstsq(places[near], border[near], rcond=None)[0]
        near = distance(border, places @ plane) <= _MAX_CLOSENESS
    residual = distance(border, places @ plane)[near]
    deviation = float(np.sqrt(np.mean(residual**2))) if near.any() else 0.0
    closeness = min(max(CLOSENESS, _DEVIATIONS * deviation), _MAX_CLOSENESS)
    down = (np.arange(height, dtype=np.float32) / height)[:, np.newaxis, np.newaxis]
    right = (np.arange(width, dtype=np.float32) / width)[np.newaxis, :, np.newaxis]
    colours = np.clip(plane[0] + down * plane[1] + right * plane[2], 0, 255)
    return Background(colours, round(float(colours.mean())), closeness, float(near.mean()))


def distance(pixels: NDArray[np.float32], colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """The distance between colours, (..., 3) of 0 to 255, in RGB space, as a share of the largest distance."""
    difference = pixels - colours
    # einsum, because a mean over an axis of three is ten times slower.
    squares = np.einsum("...i,...i->...", difference, difference)
    result: NDArray[np.float32] = np.sqrt(squares) * np.float32(1 / (255 * np.sqrt(3)))
    return result


def looks_light(image: NDArray[np.uint8]) -> bool:
    """Whether `image`, (28, 28) uint8, has a light border and so most likely is inverted."""
    border = image[_border(*image.shape)]
    return bool((border >= _LIGHT).mean() >= _LIGHT_SHARE)


def _border(height: int, width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the border pixels: the outermost 2 %, at least one pixel wide."""
    thickness = max(1, min(height, width) // 50)
    inside = np.zeros((height, width), np.bool_)
    inside[thickness : height - thickness, thickness : width - thickness] = True
    rows, columns = np.nonzero(~inside)
    return rows, columns


def _corner_colour(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The median, (3,), of the means of the four corners: the garment may reach into one corner."""
    height, width = picture.shape[:2]
    down, right = max(1, height // 16), max(1, width // 16)
    corners = (
        picture[:down, :right],
        picture[:down, -right:],
        picture[-down:, :right],
        picture[-down:, -right:],
    )
    result: NDArray[np.float32] = np.median([corner.mean(axis=(0, 1)) for corner in corners], axis=0)
    return result.astype(np.float32)
