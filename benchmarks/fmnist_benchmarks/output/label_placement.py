"""Places for the labels of a figure: beside their points, clear of markers, lines and each other. All in pixels."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# Distances from a point to the nearest side of its label, tried in this order, each in so many directions.
_DISTANCES = (9, 16, 26, 40, 58)
_DIRECTIONS = 16
# A pixel outside the area costs as much as this many pixels that cover something.
_OUTSIDE = 10
# The margin around each label that should stay empty.
_MARGIN = 3
Position = tuple[float, float]


class Box(NamedTuple):
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    def wider(self, by: float) -> "Box":
        """This box enlarged by `by` on every side."""
        return Box(self.left - by, self.bottom - by, self.right + by, self.top + by)

    def overlap(self, other: "Box") -> float:
        """The area that both boxes cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)


def place(anchors: Sequence[Position], sizes: Sequence[Position], taken: Sequence[Box], area: Box) -> list[Box]:
    """A box in `area` for each label of `sizes` (width, height), beside its anchor, clear of `taken` and each other.

    Each label in turn takes the nearest place where it covers least.
    """
    placed: list[Box] = []
    for anchor, size in zip(anchors, sizes, strict=True):
        crowd = [*taken, *placed]
        placed.append(min(_candidates(anchor, size), key=lambda box: _cost(box.wider(_MARGIN), crowd, area)))
    return placed


def _candidates(anchor: Position, size: Position) -> Iterator[Box]:
    """The places to try, nearest first: a side or a corner of the label faces the anchor."""
    (x, y), (width, height) = anchor, size
    for distance in _DISTANCES:
        for number in range(_DIRECTIONS):
            angle = 2 * math.pi * number / _DIRECTIONS
            right, up = math.cos(angle), math.sin(angle)
            left = x + right * distance + (_clip(right) - 1) * width / 2
            bottom = y + up * distance + (_clip(up) - 1) * height / 2
            yield Box(left, bottom, left + width, bottom + height)


def _clip(direction: float) -> float:
    """`direction` amplified and limited to -1 to 1, so that a long label keeps clear of its anchor."""
    return max(-1.0, min(1.0, 1.6 * direction))


def _cost(box: Box, crowd: Sequence[Box], area: Box) -> float:
    outside = (box.right - box.left) * (box.top - box.bottom) - box.overlap(area)
    return _OUTSIDE * outside + sum(box.overlap(other) for other in crowd)
