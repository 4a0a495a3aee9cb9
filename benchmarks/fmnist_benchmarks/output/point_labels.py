"""Labels beside the points of a matplotlib figure, placed by output/label_placement.py."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from fmnist_benchmarks.output import label_placement
from fmnist_benchmarks.output.label_placement import Box

# A label farther than this from its point, in pixels, gets a line to it.
_FAR = 20
# A line of the figure is an obstacle in this many pieces.
_PIECES = 40


class Label(NamedTuple):
    """The text beside a point, given in data coordinates."""

    text: str
    point: tuple[float, float]
    colour: str
    size: float
    weight: str = "normal"


def draw_labels(axes: Any, labels: Sequence[Label]) -> None:
    """Draw every label beside its point, with a thin line to it where it is far.

    The figure must have been drawn, and nothing in it may move any more.
    """
    from matplotlib import patheffects

    halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    texts = [
        axes.text(*label.point, label.text, color=label.colour, fontsize=label.size, fontweight=label.weight, zorder=5)
        for label in labels
    ]
    sizes = [(extent.width, extent.height) for extent in (text.get_window_extent() for text in texts)]
    anchors = [tuple(axes.transData.transform(label.point)) for label in labels]
    places = label_placement.place(anchors, sizes, list(_obstacles(axes)), Box(*axes.get_window_extent().extents))
    for text, (x, y), box in zip(texts, anchors, places, strict=True):
        text.set(position=axes.transData.inverted().transform((box.left, box.bottom)), va="bottom", path_effects=halo)
        nearest = min(max(x, box.left), box.right), min(max(y, box.bottom), box.top)
        if math.dist(nearest, (x, y)) > _FAR:
            ends = axes.transData.inverted().transform([nearest, (x, y)])
            axes.plot(*ends.T, color="0.6", linewidth=0.6, zorder=2)


def _obstacles(axes: Any) -> Iterator[Box]:
    """What no label may cover: every marker, the lines in short pieces, and the legend; in pixels."""
    for line in axes.lines:
        places = axes.transData.transform(line.get_xydata())
        half = line.get_markersize() / 72 * axes.figure.dpi / 2 if line.get_marker() != "None" else 1.5
        if line.get_linestyle() != "None":
            places = [
                start + (end - start) * step / _PIECES
                for start, end in itertools.pairwise(places)
                for step in range(_PIECES + 1)
            ]
        for x, y in places:
            yield Box(x - half, y - half, x + half, y + half)
    yield Box(*axes.get_legend().get_window_extent().extents)
