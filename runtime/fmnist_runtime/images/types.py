"""What an image is here: its shape, the meaning of its pixels, where it came from."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHAPE = (28, 28)
CONVENTION = "uint8, 0 background, 255 garment"

Invert = Literal["auto", "yes", "no"]
INVERT: tuple[Invert, ...] = ("auto", "yes", "no")

# What an image is told that is passed on as it is and looks like the negative of what the model expects.
NEGATIVE = f"its border is light, the model expects {CONVENTION}; passed on untouched, --invert yes inverts it"


class Image(NamedTuple):
    """An image with the file that it came from and its number there, None in a file of one image.

    `note` says in words what was decided about the image, or what looks wrong with it; None where there is nothing to
    say.
    """

    source: Path
    item: int | None
    pixels: NDArray[np.uint8]
    note: str | None = None
