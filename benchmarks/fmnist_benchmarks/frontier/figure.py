"""The figure of the frontier: test accuracy against bytes, and against microseconds, both on a logarithmic axis.

Colours stand for the precision and markers for the runtime; published results are hollow and have no latency. A step
line joins the models on the Pareto front.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from fmnist_benchmarks.frontier.candidates import TARGETS
from fmnist_benchmarks.frontier.pareto import Point, front
from fmnist_benchmarks.output import plotting
from fmnist_benchmarks.output.point_labels import Label, draw_labels
from fmnist_runtime.inference.interpreters import BACKENDS

# Okabe and Ito's blue and vermilion, which are distinct for every kind of colour vision.
_COLOURS = {"int8": "#0072B2", "float32": "#D55E00"}
_MARKERS = {"tflite-runtime": "o", "litert": "^"}
_LINES = {"tflite-runtime": "-", "litert": "--"}
_PUBLISHED, _TARGET, _FRONT = "0.35", "#007A5A", "0.55"
_SIZE = 7.0


def draw(document: dict[str, Any]) -> Any:
    """The figure of a document of python -m fmnist_benchmarks.frontier."""
    from matplotlib.ticker import LogLocator

    figure, (left, right) = plotting.pyplot().subplots(1, 2, figsize=(13, 6.4), sharey=True, layout="constrained")
    by_bytes = [*_draw_bytes(left, document), *_draw_targets(left), *_draw_published(left, document)]
    by_time = _draw_latency(right, document)
    left.set(xlabel="bytes (log)", ylabel=f"accuracy on the {document['images']:,} test images")
    right.set(xlabel="p50 of one invoke, one thread, µs (log)")
    for axes, formatter in ((left, _bytes), (right, _microseconds)):
        axes.set_xscale("log")
        axes.margins(x=0.13, y=0.09)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_formatter(formatter)
        axes.xaxis.set_minor_formatter("")
    # The corners that stay empty: large and inaccurate, fast and accurate.
    left.legend(fontsize=8, loc="lower right")
    right.legend(fontsize=8, loc="upper left")
    right.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    figure.suptitle("Fashion-MNIST: test accuracy against bytes, and against latency", fontsize=13, fontweight="bold")
    figure.supxlabel(_caption(document), fontsize=7.5, color="0.35")
    figure.canvas.draw()
    figure.set_layout_engine("none")  # from here on nothing moves any more
    draw_labels(left, by_bytes)
    draw_labels(right, by_time)
    return figure


def _draw_bytes(axes: Any, document: dict[str, Any]) -> Iterator[Label]:
    """A point for each of our files, the two files of a model joined, and the front of all."""
    found = {(one["name"], one["precision"]): Point(one["bytes"], one["accuracy"]) for one in _one_by_file(document)}
    _draw_front(axes, list(found.values()), "-", "Pareto front of ours")
    for model in document["models"]:
        ours = {kind: found[model["name"], kind] for kind in _COLOURS if (model["name"], kind) in found}
        yield _draw_model(axes, model["name"], list(ours.values()))
    for kind, colour in _COLOURS.items():
        points = [point for (_, precision), point in found.items() if precision == kind]
        _dots(axes, points, color=colour, marker="s", label=f"ours, {kind}")


def _draw_targets(axes: Any) -> Iterator[Label]:
    """The targets of our int8 files: the most bytes and the least accuracy."""
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
    _dots(axes, points, label="published, at 4 bytes per parameter", **style)
    for one, point in zip(document["published"], points, strict=True):
        yield Label(one["short"], point, _PUBLISHED, 7.5)


def _draw_latency(axes: Any, document: dict[str, Any]) -> list[Label]:
    """A point for each of our files on each runtime, those of a model joined; a front for each runtime."""
    found = [(one, Point(one["invoke_us"]["p50"], one["accuracy"])) for one in document["results"]]
    runtimes = {one["runtime"]: f"{BACKENDS[one['runtime']][0]} {one['version']}" for one, _ in found}
    for runtime in sorted(runtimes, reverse=True):
        points = [point for one, point in found if one["runtime"] == runtime]
        _draw_front(axes, points, _LINES[runtime], f"Pareto front on {runtimes[runtime]}")
    labels = [
        _draw_model(axes, model["name"], [point for one, point in found if one["name"] == model["name"]])
        for model in document["models"]
        if any(one["name"] == model["name"] for one, _ in found)
    ]
    for runtime in sorted(runtimes, reverse=True):
        for kind, colour in _COLOURS.items():
            points = [point for one, point in found if (one["runtime"], one["precision"]) == (runtime, kind)]
            _dots(axes, points, color=colour, marker=_MARKERS[runtime], label=f"{kind}, {runtimes[runtime]}")
    return labels


def _draw_model(axes: Any, name: str, points: Sequence[Point]) -> Label:
    """A thin line through all points of a model; its name goes to the cheapest."""
    ordered = sorted(points)
    axes.plot(*zip(*ordered, strict=True), color="0.8", linewidth=1, zorder=1)
    return Label(name, ordered[0], "black", 9.5, "bold")


def _draw_front(axes: Any, points: Sequence[Point], style: str, label: str) -> None:
    """A step line: the best accuracy at each cost."""
    corners: list[Point] = []
    for point in front(points):
        corners += [Point(point.cost, corners[-1].accuracy), point] if corners else [point]
    axes.plot(*zip(*corners, strict=True), color=_FRONT, linestyle=style, linewidth=1.3, zorder=1.5, label=label)


def _dots(axes: Any, points: Sequence[Point], **style: Any) -> None:
    if points:
        axes.plot(*zip(*points, strict=True), **{"linestyle": "none", "markersize": _SIZE, "zorder": 3, **style})


def _one_by_file(document: dict[str, Any]) -> list[dict[str, Any]]:
    """One result for each file: the one on the runtime of the targets, else the first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in sorted(document["results"], key=lambda result: result["runtime"], reverse=True):
        found.setdefault((one["name"], one["precision"]), one)
    return list(found.values())


def _caption(document: dict[str, Any]) -> str:
    facts = document["machine"]
    words = [
        f"Measured on {facts['board'] or facts['cpu']}, {facts['cores']} cores, Python {facts['python']}.",
        "Published: from the data set's README, whose authors have not tested the results; only parameters are known.",
        f"The 95 % interval of an accuracy of 0.95 on these images is ±{_half_interval(0.95, document['images']):.3f}.",
    ]
    if document["warnings"]:
        more = len(document["warnings"]) - 1
        words.append(f"Doubtful: {document['warnings'][0]}{f' (the table has {more} more)' * bool(more)}.")
    return textwrap.fill(" ".join(words), 190)


def _half_interval(accuracy: float, images: int) -> float:
    """Half of the 95 % interval of an accuracy, by the normal distribution."""
    return 1.96 * math.sqrt(accuracy * (1 - accuracy) / images)


def _bytes(number: float, _: int) -> str:
    return f"{number / 1e6:g} MB" if number >= 1e6 else f"{number / 1e3:g} KB"


def _microseconds(number: float, _: int) -> str:
    return f"{number:,g}"
