"""The real numbers that the pixels 0 and 255 stand for, and how that is known.

A pixel becomes `low + pixel / 255 * (high - low)`: 0..1, 0..255, -1..1, (x - mean) / std and 1..0 (inverted) are all
of that form. A wrong range raises no error, and often keeps most of the accuracy (docs/model-file.md).

Which range a model file has is decided in fmnist_runtime.model.input_range.
"""

import math
import re
from typing import NamedTuple

from fmnist_runtime.errors import PixelRangeError

# The integer types of a quantized input that span the 256 pixel values. The range of int16 is symmetric around 0 for
# every calibration, so it tells nothing.
_LIMITS = {"int8": (-128, 127), "uint8": (0, 255)}
_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
# Not compiled here: every start of a classifier imports this file.
_RANGE = rf"\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*"
# Pixels are computed in float32, whose largest number is 3.4e38: 255 times an end of the range must fit.
_LARGEST = 1e36


class PixelRange(NamedTuple):
    """Pixel 0 stands for `low`, pixel 255 for `high`. `reason` says how that is known.

    `assumed` is true where nothing states the range: then it is a guess, the usual 0..1 or a better one.
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
    return create(float(found[1]), float(found[2]), "--pixels")


def from_mean_std(mean: float, std: float) -> PixelRange:
    """The range of (pixel / 255 - mean) / std, with `mean` and `std` on the scale 0..1. Raises PixelRangeError."""
    for name, value, least in (("mean", mean, 0.0), ("std", std, 1e-6)):
        if not least <= value <= 1:
            raise PixelRangeError(
                f"--{name} is {value:g}, expected {least:g} to 1, for pixels on the scale 0..1; divide a value on the "
                f"scale 0..255 by 255, or give --pixels LOW..HIGH"
            )
    return create(-mean / std, (1 - mean) / std, f"--mean {mean:g} --std {std:g}")


def from_quantization(dtype: str, scale: float, zero_point: int) -> PixelRange | None:
    """The exact range of a quantized input's 256 values; None for a `dtype` that does not tell it."""
    if dtype not in _LIMITS or not scale > 0:
        return None
    low, high = ((limit - zero_point) * scale for limit in _LIMITS[dtype])
    return PixelRange(low, high, f"the input's scale {scale:g} and zero point {zero_point}")


def create(low: float, high: float, reason: str) -> PixelRange:
    """The range `low` to `high`. Raises PixelRangeError unless both are finite in float32 and differ."""
    if not all(math.isfinite(end) and abs(end) < _LARGEST for end in (low, high)) or low == high:
        raise PixelRangeError(f"the range is {low:g}..{high:g}, expected two different finite numbers, such as 0..1")
    return PixelRange(low, high, reason)
