"""The figures of fmnist_benchmarks.errors; its __main__ lists what each shows.

Blue is right and red is wrong; models have other colours.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fmnist_benchmarks.errors import calibration, predictions
from fmnist_benchmarks.errors.predictions import ConfusedPair, Predictions
from fmnist_benchmarks.output import plotting
from fmnist_benchmarks.output.drawing import WRONG, confusion_matrix, draw_image
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES

# Okabe and Ito's, without the blue and the red that mean right and wrong.
_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#F0E442", "#000000")
_PAIRS = 10
# The width of a title in 10 points.
_LETTERS_AN_INCH = 12
_ROWS, _COLUMNS = 5, 8
_FAILED_ROWS, _FAILED_COLUMNS = 6, 10


def save_all(folder: Path, test: Split, models: Sequence[Predictions]) -> Iterator[Path]:
    """Draw every figure into `folder` and yield its path."""
    for one in models:
        title = f"{one.name}, {one.runtime}: {int(one.right.sum()):,} of {len(one.right):,} test images right"
        counts = predictions.confusion(test.labels, one.classes)
        yield _save(folder / f"confusion-{one.name.replace(' ', '-')}.png", confusion_matrix(counts, title))
    worst = predictions.confused_pairs(test.labels, models)[:_PAIRS]
    yield _save(folder / "pairs.png", pair_bars(worst, [one.name for one in models]))
    yield _save(folder / "pair-examples.png", pair_examples(worst[:_ROWS], test, predictions.most_accurate(models)))
    yield _save(folder / "all-fail.png", failed_by_all(test, models))
    yield _save(folder / "calibration.png", reliability(models))


def pair_bars(pairs: Sequence[ConfusedPair], names: Sequence[str]) -> Any:
    """How often two classes are confused: a group of bars for each pair, a bar for each model.

    The solid part counts the first class predicted as the second, the light part the reverse.
    """
    height = max(3.0, 0.22 * len(names) * len(pairs) + 0.16 * len(pairs) + 1.4)
    figure, axes = plotting.pyplot().subplots(figsize=(10, height), layout="constrained")
    thickness = 0.8 / len(names)
    for number, name in enumerate(names):
        places = [row - 0.4 + (number + 0.5) * thickness for row in range(len(pairs))]
        solid = [pair.first_as_second[number] for pair in pairs]
        light = [pair.second_as_first[number] for pair in pairs]
        colour = _COLOURS[number % len(_COLOURS)]
        axes.barh(places, solid, thickness * 0.92, color=colour, label=name)
        axes.barh(places, light, thickness * 0.92, left=solid, color=colour, alpha=0.45)
        for place, total in zip(places, (sum(both) for both in zip(solid, light, strict=True)), strict=True):
            axes.text(total, place, f" {total}", va="center", fontsize=8)
    axes.set_yticks(
        range(len(pairs)),
        [f"{CLASS_NAMES[pair.first]} → {CLASS_NAMES[pair.second]}\nreverse: light" for pair in pairs],
    )
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlabel("test images of one class that are predicted as the other")
    axes.set_title("The most confused pairs of classes")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    axes.legend(loc="lower right")
    return figure


def pair_examples(pairs: Sequence[ConfusedPair], test: Split, best: Predictions) -> Any:
    """A row of images for each of `pairs` that `best` confuses, the highest score first."""
    figure = plotting.pyplot().figure(figsize=(1.55 * _COLUMNS, 2.15 * len(pairs) + 0.7), layout="constrained")
    rows = figure.subfigures(len(pairs), 1, squeeze=False)[:, 0]
    for row, pair in zip(rows, pairs, strict=True):
        row.suptitle(
            f"{pair.title}: {pair.total:,} times over all models", fontsize=11, fontweight="bold", x=0.01, ha="left"
        )
        numbers = predictions.example_indices(pair, test.labels, best, _COLUMNS)
        for place, axes in enumerate(row.subplots(1, _COLUMNS)):
            if place >= len(numbers):
                axes.axis("off")
                continue
            number = numbers[place]
            answer, label = CLASS_NAMES[best.classes[number]], CLASS_NAMES[test.labels[number]]
            text = f"{label}, predicted\n{answer} {best.scores[number]:.0%}"
            draw_image(axes, test.images[number], text, WRONG)
            axes.xaxis.label.set_fontsize(8)
            axes.set_title(f"{number}", fontsize=7, color="0.4", pad=2)
    figure.suptitle(
        f"The errors of {best.name} with the highest scores in the most confused pairs; above each image its number"
    )
    return figure


def failed_by_all(test: Split, models: Sequence[Predictions]) -> Any:
    """Images that all models get wrong, the highest mean score first: their class, the predictions and how many."""
    numbers = predictions.failed_by_all(models)
    shown = numbers[: _FAILED_ROWS * _FAILED_COLUMNS]
    rows = max(1, math.ceil(len(shown) / _FAILED_COLUMNS))
    figure, grid = plotting.pyplot().subplots(
        rows, _FAILED_COLUMNS, figsize=(1.5 * _FAILED_COLUMNS, 1.95 * rows + 0.7), squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(shown) :]:
        axes.axis("off")
    for axes, number in zip(grid.flat, shown, strict=False):
        draw_image(axes, test.images[number], _predicted(number, models), WRONG)
        axes.xaxis.label.set_fontsize(7.5)
        axes.set_title(f"{CLASS_NAMES[test.labels[number]]}, {number}", fontsize=8.5, pad=3)
    who = f"all {len(models)} models get" if len(models) > 1 else f"{models[0].name} gets"
    part = f"; these {len(shown)} have the highest mean scores" if len(shown) < len(numbers) else ""
    figure.suptitle(
        f"{who[0].upper()}{who[1:]} {len(numbers):,} of {len(test.labels):,} test images wrong{part}\n"
        "above: class and number in the data set; below: the predictions, by how many models, with their mean score",
        fontsize=11,
    )
    return figure


def _predicted(number: int, models: Sequence[Predictions]) -> str:
    """The predictions for an image, the most frequent first: "3 x Shirt 97%", a line for each."""
    scores: dict[int, list[float]] = {}
    for one in models:
        scores.setdefault(int(one.classes[number]), []).append(float(one.scores[number]))
    ordered = sorted(scores.items(), key=lambda entry: -len(entry[1]))
    times = [f"{len(values)} x " if len(models) > 1 else "" for _, values in ordered]
    return "\n".join(
        f"{count}{CLASS_NAMES[answer]} {sum(values) / len(values):.0%}"
        for count, (answer, values) in zip(times, ordered, strict=True)
    )


def reliability(models: Sequence[Predictions]) -> Any:
    """For each model the share of right predictions by score, and below it how many images have such a score."""
    columns = min(len(models), 4)
    blocks = math.ceil(len(models) / columns)
    figure, grid = plotting.pyplot().subplots(
        2 * blocks,
        columns,
        figsize=(3.5 * columns + 0.6, 4.9 * blocks + 0.5),
        squeeze=False,
        layout="constrained",
        gridspec_kw={"height_ratios": [3, 1] * blocks},
    )
    for place in range(blocks * columns):
        upper, lower = (grid[2 * (place // columns) + below, place % columns] for below in (0, 1))
        if place < len(models):
            _draw_reliability(upper, lower, models[place])
        else:
            upper.axis("off")
            lower.axis("off")
    lines = (
        "Calibration: the share of right predictions by score, in 15 bins of equal width.",
        "ECE, the expected calibration error (Guo et al. 2017): |accuracy - mean score| of a bin, over all images.",
    )
    letters = round(_LETTERS_AN_INCH * figure.get_figwidth())
    figure.suptitle("\n".join(textwrap.fill(line, letters) for line in lines), fontsize=10)
    return figure


def _draw_reliability(upper: Any, lower: Any, one: Predictions) -> None:
    bins = [entry for entry in calibration.reliability(one.scores, one.right) if entry.count]
    error = calibration.expected_error(bins)
    middles, width = [(entry.low + entry.high) / 2 for entry in bins], 1 / calibration.BINS
    shares = [entry.accuracy or 0.0 for entry in bins]
    upper.bar(middles, shares, width, color="#56B4E9", edgecolor="white", label="right predictions")
    upper.plot([0, 1], [0, 1], "--", color="0.4", linewidth=1, label="perfect calibration")
    upper.plot(
        [entry.confidence for entry in bins],
        shares,
        "o-",
        color="black",
        markersize=3,
        linewidth=1,
        label="at the mean score",
    )
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of right predictions")
    upper.set_title(f"{one.name}: ECE {error:.4f}", fontsize=10, fontweight="bold")
    upper.legend(fontsize=7, loc="upper left")
    lower.bar(middles, [entry.count for entry in bins], width, color="0.6", edgecolor="white")
    lower.axvline(float(one.scores.mean()), color="black", linewidth=1, linestyle=":", label="mean score")
    lower.axvline(one.accuracy, color="#D55E00", linewidth=1, label="accuracy")
    # The same for every model, with room for the legend.
    lower.set(xlim=(0, 1), yscale="log", ylim=(0.7, 5e5), xlabel="score of the prediction", ylabel="images (log)")
    lower.legend(fontsize=7, loc="upper left", ncols=2)


def _save(path: Path, figure: Any) -> Path:
    plotting.save(path, figure)
    return path
