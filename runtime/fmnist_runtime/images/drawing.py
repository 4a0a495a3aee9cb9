"""The 28x28 image that the model saw, drawn with characters: 28 columns and 14 lines, two rows of pixels a line.

Three styles, best first: half blocks in 24 greys (a terminal with colours), five shades (UTF-8 without colours), ten
ASCII characters (any output). It does not print.
"""

import os
from typing import Literal, TextIO

import numpy as np
from numpy.typing import NDArray

Style = Literal["colour", "blocks", "ascii"]

_SHADES = {"blocks": " ░▒▓█", "ascii": " .:-=+*#%@"}
# The grey ramp of the 256 colours of xterm: 232 almost black to 255 almost white.
_DARKEST_GREY, _GREYS = 232, 24


def style_for(stream: TextIO) -> Style:
    """The best style that `stream` can show.

    Colours only on a terminal, and not where NO_COLOR (no-color.org) has a value or TERM is dumb.
    """
    try:
        "▀░▒▓█".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "ascii"
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "dumb") == "dumb"
    return "blocks" if plain or not stream.isatty() else "colour"


def draw(image: NDArray[np.uint8], style: Style) -> str:
    """`image`, (28, 28) uint8, as 14 lines of 28 characters, without a final line feed."""
    pairs = image.reshape(-1, 2, image.shape[1])
    if style == "colour":
        return "\n".join(_colour_line(upper, lower) for upper, lower in pairs)
    shades = _SHADES[style]
    levels = pairs.mean(axis=1) * len(shades) / 256
    return "\n".join("".join(shades[int(level)] for level in line) for line in levels)


def _colour_line(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> str:
    def grey(pixel: np.uint8) -> int:
        return _DARKEST_GREY + int(pixel) * _GREYS // 256

    cells = (f"\x1b[38;5;{grey(top)};48;5;{grey(bottom)}m▀" for top, bottom in zip(upper, lower, strict=True))
    return "".join(cells) + "\x1b[0m"
