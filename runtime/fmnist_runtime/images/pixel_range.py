"""The real numbers that the pixels 0 and 255 stand for, and how that is known.

A pixel becomes `low + pixel / 255 * (high - low)`: 0..1, 0..255, -1..1, (x - mean) / std and 1..0 (inverted) are all
of that form. Whoever gets a range wrong sees no error, and often most of the accuracy (docs/model-file.md).
"""

import math
import re
from typing import NamedTuple

from fmnist_runtime.errors import PixelRangeError

# The integer types of a quantized input that span the pixels' 256 values. int16 ranges are symmetric around 0 whatever
# was calibrated, so they tell nothing.
_LIMITS = {"int8": (-128, 127), "uint8": (0, 255)}
_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
# Not compiled here: this file is imported wherever a classifier starts.
_RANGE = rf"\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*"
# The 256 pixels are spread over a range in float32, whose largest number is 3.4e38: 255 times as much must fit.
_LARGEST = 1e36


class PixelRange(NamedTuple):
    """Pixel 0 stands for `low`, pixel 255 for `high`. `reason` says how that is known.

    `assumed` is true where nothing states it: then it is a guess, the usual 0..1 or a better one.
    """

    low: float
    high: float
    reason: str
    assumed: bool = False

    def __str__(self) -> str:
        """Such as "0..1 (--pixels)"."""
        return f"{self.low:g}..{self.high:g} ({self.reason})"


def parse(text: str) -> PixelRange:
    """The range that `--pixels` gives as LOW..HIGH, such as 0..1 or -1..1. Raises PixelRangeError."""
    found = re.fullmatch(_RANGE, text)
    if not found:
        raise PixelRangeError(f"the range is {text!r}, expected LOW..HIGH such as 0..1, 0..255 or -1..1")
    return checked(float(found[1]), float(found[2]), "--pixels")


def standardized(mean: float, std: float) -> PixelRange:
    """The range of (pixel / 255 - mean) / std, with `mean` and `std` on the scale of 0..1. Raises PixelRangeError."""
    for name, value, least in (("mean", mean, 0.0), ("std", std, 1e-6)):
        if not least <= value <= 1:
            raise PixelRangeError(
                f"--{name} is {value:g}, expected {least:g} to 1, of pixels on the scale of 0..1; divide one on the "
                f"scale of 0..255 by 255, or give --pixels LOW..HIGH"
            )
    return checked(-mean / std, (1 - mean) / std, f"--mean {mean:g} --std {std:g}")


def quantized(dtype: str, scale: float, zero_point: int) -> PixelRange | None:
    """The range that a quantized input's 256 values stand for, exactly; None for a type that doesn't tell it."""
    if dtype not in _LIMITS or not scale > 0:
        return None
    low, high = ((limit - zero_point) * scale for limit in _LIMITS[dtype])
    return PixelRange(low, high, f"the input's scale {scale:g} and zero point {zero_point}")


def checked(low: float, high: float, reason: str) -> PixelRange:
    """The range `low` to `high`. Raises PixelRangeError unless both are finite in float32 and differ."""
    if not all(math.isfinite(end) and abs(end) < _LARGEST for end in (low, high)) or low == high:
        raise PixelRangeError(f"the range is {low:g}..{high:g}, expected two different finite numbers, such as 0..1")
    return PixelRange(low, high, reason)
