"""Where the labels of a figure go: beside their points, off the markers, the lines and each other. All in pixels."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# From a point to the nearest side of its label, tried in this order, in so many directions.
_DISTANCES = (9, 16, 26, 40, 58)
_DIRECTIONS = 16
# A pixel outside weighs as much as so many that cover something.
_OUTSIDE = 10
# Around each label nothing else should stand.
_ROOM = 3
Position = tuple[float, float]


class Box(NamedTuple):
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    def wider(self, by: float) -> "Box":
        """The same with so much more on every side."""
        return Box(self.left - by, self.bottom - by, self.right + by, self.top + by)

    def overlap(self, other: "Box") -> float:
        """The area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)


def place(anchors: Sequence[Position], sizes: Sequence[Position], taken: Sequence[Box], area: Box) -> list[Box]:
    """Where labels of `sizes` (width, height) go beside their `anchors`: in `area`, off what is `taken` and each other.

    Each label in turn takes the nearest place where it covers least.
    """
    placed: list[Box] = []
    for anchor, size in zip(anchors, sizes, strict=True):
        crowd = [*taken, *placed]
        placed.append(min(_candidates(anchor, size), key=lambda box: _cost(box.wider(_ROOM), crowd, area)))
    return placed


def _candidates(anchor: Position, size: Position) -> Iterator[Box]:
    """The places that are tried, nearest first: a side of the label, or a corner, faces the anchor."""
    (x, y), (width, height) = anchor, size
    for distance in _DISTANCES:
        for number in range(_DIRECTIONS):
            angle = 2 * math.pi * number / _DIRECTIONS
            right, up = math.cos(angle), math.sin(angle)
            left = x + right * distance + (_clip(right) - 1) * width / 2
            bottom = y + up * distance + (_clip(up) - 1) * height / 2
            yield Box(left, bottom, left + width, bottom + height)


def _clip(direction: float) -> float:
    """-1 to 1, which are reached before the direction itself does, so that a long label keeps clear of its anchor."""
    return max(-1.0, min(1.0, 1.6 * direction))


def _cost(box: Box, crowd: Sequence[Box], area: Box) -> float:
    outside = (box.right - box.left) * (box.top - box.bottom) - box.overlap(area)
    return _OUTSIDE * outside + sum(box.overlap(other) for other in crowd)
