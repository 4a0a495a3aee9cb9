"""An image: its shape, the meaning of its pixels, its source. This module reads and converts nothing."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHAPE = (28, 28)
CONVENTION = "uint8, 0 background, 255 garment"

Invert = Literal["auto", "yes", "no"]
INVERT: tuple[Invert, ...] = ("auto", "yes", "no")

# The warning for an image that looks inverted.
INVERTED_WARNING = f"its border is light, the model expects {CONVENTION}; passed on unchanged, --invert yes inverts it"


class Image(NamedTuple):
    """An image, (28, 28) uint8, with its file and its number there; the number is None in a file of one image.

    `note` says what was decided about the image, or what looks wrong with it, if anything.
    """

    source: Path
    item: int | None
    pixels: NDArray[np.uint8]
    note: str | None = None
