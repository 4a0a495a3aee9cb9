"""The figure of the frontier: test accuracy against bytes, and against microseconds, both on a logarithmic axis.

Colour is the precision, the marker's form the runtime; what others published is hollow and has no latency. A step line
joins the models of ours that no other beats in both, which is the Pareto front.
"""

import itertools
import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from fmnist_benchmarks.frontier.models import TARGETS
from fmnist_benchmarks.output import label_placement, plotting
from fmnist_benchmarks.output.label_placement import Box
from fmnist_runtime.inference.interpreters import BACKENDS

# Okabe and Ito's blue and vermilion, which people of every kind of colour vision tell apart.
_COLOURS = {"int8": "#0072B2", "float32": "#D55E00"}
_MARKERS = {"tflite-runtime": "o", "litert": "^"}
_LINES = {"tflite-runtime": "-", "litert": "--"}
_PUBLISHED, _TARGET, _FRONT = "0.35", "#007A5A", "0.55"
_SIZE = 7.0
# A label farther than this from its point, in pixels, gets a line to it.
_FAR = 20
_PIECES = 40


class Point(NamedTuple):
    """What something costs (bytes or microseconds) and how accurate it is."""

    cost: float
    accuracy: float


def front(points: Iterable[Point]) -> list[Point]:
    """The Pareto front of `points`, cheapest first: those that none beats in cost or accuracy without losing in other.

    V. Pareto's order: a point is on the front where no other costs at most as much and is at least as accurate, one of
    both strictly. Of equal points one is kept.
    """
    found: list[Point] = []
    for point in sorted(set(points), key=lambda one: (one.cost, -one.accuracy)):
        if not found or point.accuracy > found[-1].accuracy:
            found.append(point)
    return found


def draw(document: dict[str, Any]) -> Any:
    """The figure of a document of fmnist_benchmarks.frontier."""
    from matplotlib.ticker import LogLocator

    figure, (left, right) = plotting.pyplot().subplots(1, 2, figsize=(13, 6.4), sharey=True, layout="constrained")
    by_bytes = [*_draw_bytes(left, document), *_draw_targets(left), *_draw_published(left, document)]
    by_time = _draw_latency(right, document)
    left.set(xlabel="bytes (log)", ylabel=f"accuracy on the {document['images']:,} test images")
    right.set(xlabel="p50 of one invoke, one thread, µs (log)")
    for axes, words in ((left, _bytes), (right, _microseconds)):
        axes.set_xscale("log")
        axes.margins(x=0.13, y=0.09)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_formatter(words)
        axes.xaxis.set_minor_formatter("")
    # Where nothing can be: large and wrong, fast and right.
    left.legend(fontsize=8, loc="lower right")
    right.legend(fontsize=8, loc="upper left")
    right.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    figure.suptitle("Fashion-MNIST: test accuracy against bytes, and against latency", fontsize=13, fontweight="bold")
    figure.supxlabel(_caption(document), fontsize=7.5, color="0.35")
    figure.canvas.draw()
    figure.set_layout_engine("none")  # from here on nothing moves any more
    _write(left, by_bytes)
    _write(right, by_time)
    return figure


class Label(NamedTuple):
    """What is written beside a point."""

    text: str
    point: Point
    colour: str
    size: float
    weight: str = "normal"


def _draw_bytes(axes: Any, document: dict[str, Any]) -> Iterator[Label]:
    """Our files: a point each, the two of a model joined; the front of all."""
    found = {(one["name"], one["precision"]): Point(one["bytes"], one["accuracy"]) for one in _judged(document)}
    _draw_front(axes, list(found.values()), "-", "ours that none of ours beats in both (Pareto front)")
    for model in document["models"]:
        ours = {kind: found[model["name"], kind] for kind in _COLOURS if (model["name"], kind) in found}
        yield _draw_model(axes, model["name"], list(ours.values()))
    for kind, colour in _COLOURS.items():
        points = [point for (_, precision), point in found.items() if precision == kind]
        _dots(axes, points, color=colour, marker="s", label=f"ours, {kind}")


def _draw_targets(axes: Any) -> Iterator[Label]:
    """What our int8 files must reach: so many bytes at most, and so accurate at least."""
    targets = [
        (name, Point(target.most_bytes, target.least_accuracy)) for name, target in TARGETS.items() if target.most_bytes
    ]
    _dots(
        axes,
        [point for _, point in targets],
        color=_TARGET,
        marker="+",
        markersize=11,
        zorder=4,
        label="target for int8",
    )
    for name, point in targets:
        yield Label(f"target of {name}", point, _TARGET, 7)


def _draw_published(axes: Any, document: dict[str, Any]) -> Iterator[Label]:
    points = [Point(one["bytes"], one["accuracy"]) for one in document["published"]]
    style = {"color": _PUBLISHED, "marker": "D", "markerfacecolor": "none", "markersize": _SIZE - 1.5}
    _dots(axes, points, label="published, at 4 bytes for each parameter", **style)
    for one, point in zip(document["published"], points, strict=True):
        yield Label(one["short"], point, _PUBLISHED, 7.5)


def _draw_latency(axes: Any, document: dict[str, Any]) -> list[Label]:
    """Our files on each runtime, those of a model joined; a front for each runtime."""
    found = [(one, Point(one["invoke_us"]["p50"], one["accuracy"])) for one in document["results"]]
    runtimes = {one["runtime"]: f"{BACKENDS[one['runtime']][0]} {one['version']}" for one, _ in found}
    for runtime in sorted(runtimes, reverse=True):
        points = [point for one, point in found if one["runtime"] == runtime]
        _draw_front(axes, points, _LINES[runtime], f"Pareto front on {runtimes[runtime]}")
    written = [
        _draw_model(axes, model["name"], [point for one, point in found if one["name"] == model["name"]])
        for model in document["models"]
        if any(one["name"] == model["name"] for one, _ in found)
    ]
    for runtime in sorted(runtimes, reverse=True):
        for kind, colour in _COLOURS.items():
            points = [point for one, point in found if (one["runtime"], one["precision"]) == (runtime, kind)]
            _dots(axes, points, color=colour, marker=_MARKERS[runtime], label=f"{kind}, {runtimes[runtime]}")
    return written


def _draw_model(axes: Any, name: str, points: Sequence[Point]) -> Label:
    """A thin line through all points of a model; its name goes to the cheapest."""
    ordered = sorted(points)
    axes.plot(*zip(*ordered, strict=True), color="0.8", linewidth=1, zorder=1)
    return Label(name, ordered[0], "black", 9.5, "bold")


def _draw_front(axes: Any, points: Sequence[Point], style: str, label: str) -> None:
    """A step for each point of the front: so accurate does anything get that costs no more."""
    corners: list[Point] = []
    for point in front(points):
        corners += [Point(point.cost, corners[-1].accuracy), point] if corners else [point]
    axes.plot(*zip(*corners, strict=True), color=_FRONT, linestyle=style, linewidth=1.3, zorder=1.5, label=label)


def _dots(axes: Any, points: Sequence[Point], **style: Any) -> None:
    if points:
        axes.plot(*zip(*points, strict=True), **{"linestyle": "none", "markersize": _SIZE, "zorder": 3, **style})


def _write(axes: Any, written: Sequence[Label]) -> None:
    """Every label beside its point, with a thin line to it where it is far."""
    from matplotlib import patheffects

    halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    texts = [
        axes.text(*label.point, label.text, color=label.colour, fontsize=label.size, fontweight=label.weight, zorder=5)
        for label in written
    ]
    sizes = [(extent.width, extent.height) for extent in (text.get_window_extent() for text in texts)]
    anchors = [tuple(axes.transData.transform(label.point)) for label in written]
    places = label_placement.place(anchors, sizes, list(_taken(axes)), Box(*axes.get_window_extent().extents))
    for text, (x, y), box in zip(texts, anchors, places, strict=True):
        text.set(position=axes.transData.inverted().transform((box.left, box.bottom)), va="bottom", path_effects=halo)
        nearest = min(max(x, box.left), box.right), min(max(y, box.bottom), box.top)
        if math.dist(nearest, (x, y)) > _FAR:
            ends = axes.transData.inverted().transform([nearest, (x, y)])
            axes.plot(*ends.T, color="0.6", linewidth=0.6, zorder=2)


def _taken(axes: Any) -> Iterator[Box]:
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


def _judged(document: dict[str, Any]) -> list[dict[str, Any]]:
    """One result for each file: that on the runtime of the targets, else the first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in sorted(document["results"], key=lambda result: result["runtime"], reverse=True):
        found.setdefault((one["name"], one["precision"]), one)
    return list(found.values())


def _caption(document: dict[str, Any]) -> str:
    facts = document["machine"]
    words = [
        f"Measured on {facts['board'] or facts['cpu']}, {facts['cores']} cores, Python {facts['python']}.",
        "Published: the data set's own README, whose authors have not tested them; only parameters are known of them.",
        f"By chance of the test images alone, an accuracy of 0.95 may be off by {_chance(0.95, document['images']):.3f}"
        " (95 %).",
    ]
    if document["warnings"]:
        more = len(document["warnings"]) - 1
        words.append(f"Doubtful: {document['warnings'][0]}{f' (the table has {more} more)' * bool(more)}.")
    return textwrap.fill(" ".join(words), 190)


def _chance(accuracy: float, images: int) -> float:
    """Half of the 95 % interval of a share, by the normal distribution."""
    return 1.96 * math.sqrt(accuracy * (1 - accuracy) / images)


def _bytes(number: float, _: int) -> str:
    return f"{number / 1e6:g} MB" if number >= 1e6 else f"{number / 1e3:g} KB"


def _microseconds(number: float, _: int) -> str:
    return f"{number:,g}"
