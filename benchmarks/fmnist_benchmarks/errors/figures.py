"""The pictures of fmnist_benchmarks.errors: what they show is said there.

The confusion matrix and the way to show an image are those of fmnist-train (fmnist_train.figures, which needs
matplotlib and no tensorflow). Blue is right and red is wrong there; models are told apart by other colours.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fmnist_benchmarks.errors import answers, calibration
from fmnist_benchmarks.errors.answers import Answers, Pair
from fmnist_benchmarks.output import plotting
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_train import figures

# Okabe and Ito's, without the blue and the red that mean right and wrong.
_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#F0E442", "#000000")
_PAIRS = 10
# Of a title in 10 points.
_LETTERS_AN_INCH = 12
_ROWS, _COLUMNS = 5, 8
_FAILED_ROWS, _FAILED_COLUMNS = 6, 10


def save_all(folder: Path, test: Split, found: Sequence[Answers]) -> Iterator[Path]:
    """Draw every picture into `folder` and yield its path."""
    for one in found:
        title = f"{one.name}, {one.runtime}: {int(one.right.sum()):,} of {len(one.right):,} test images right"
        yield _save(
            folder / f"confusion-{one.name.replace(' ', '-')}.png", figures.confusion(test.labels, one.classes, title)
        )
    worst = answers.pairs(test.labels, found)[:_PAIRS]
    yield _save(folder / "pairs.png", pair_bars(worst, [one.name for one in found]))
    yield _save(folder / "pair-examples.png", pair_examples(worst[:_ROWS], test, answers.best(found)))
    yield _save(folder / "all-fail.png", all_fail(test, found))
    yield _save(folder / "calibration.png", reliability(found))


def pair_bars(pairs: Sequence[Pair], names: Sequence[str]) -> Any:
    """How often two classes are taken for each other, a group of bars for each pair and a bar for each model.

    The solid part is the first class answered as the second, the light part the other way round.
    """
    height = max(3.0, 0.22 * len(names) * len(pairs) + 0.16 * len(pairs) + 1.4)
    figure, axes = plotting.pyplot().subplots(figsize=(10, height), layout="constrained")
    thickness = 0.8 / len(names)
    for number, name in enumerate(names):
        places = [row - 0.4 + (number + 0.5) * thickness for row in range(len(pairs))]
        there, back = [pair.there[number] for pair in pairs], [pair.back[number] for pair in pairs]
        colour = _COLOURS[number % len(_COLOURS)]
        axes.barh(places, there, thickness * 0.92, color=colour, label=name)
        axes.barh(places, back, thickness * 0.92, left=there, color=colour, alpha=0.45)
        for place, total in zip(places, (sum(both) for both in zip(there, back, strict=True)), strict=True):
            axes.text(total, place, f" {total}", va="center", fontsize=8)
    axes.set_yticks(
        range(len(pairs)),
        [f"{CLASS_NAMES[pair.first]} → {CLASS_NAMES[pair.second]}\nand back (light)" for pair in pairs],
    )
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlabel("test images of the one class that got the other as answer")
    axes.set_title("The pairs of classes that are confused most")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    axes.legend(loc="lower right")
    return figure


def pair_examples(pairs: Sequence[Pair], test: Split, best: Answers) -> Any:
    """For each of `pairs` a row of images that `best` takes for the other class, the surest first."""
    figure = plotting.pyplot().figure(figsize=(1.55 * _COLUMNS, 2.15 * len(pairs) + 0.7), layout="constrained")
    rows = figure.subfigures(len(pairs), 1, squeeze=False)[:, 0]
    for row, pair in zip(rows, pairs, strict=True):
        row.suptitle(
            f"{pair.title}: {pair.total:,} times over all models", fontsize=11, fontweight="bold", x=0.01, ha="left"
        )
        numbers = answers.examples(pair, test.labels, best, _COLUMNS)
        for place, axes in enumerate(row.subplots(1, _COLUMNS)):
            if place >= len(numbers):
                axes.axis("off")
                continue
            number = numbers[place]
            answer, label = CLASS_NAMES[best.classes[number]], CLASS_NAMES[test.labels[number]]
            text = f"{label}, answered\n{answer} {best.scores[number]:.0%}"
            figures.draw_image(axes, test.images[number], text, figures.WRONG)
            axes.xaxis.label.set_fontsize(8)
            axes.set_title(f"{number}", fontsize=7, color="0.4", pad=2)
    figure.suptitle(f"The surest mistakes of {best.name} in the pairs that are confused most; above each its number")
    return figure


def all_fail(test: Split, found: Sequence[Answers]) -> Any:
    """Images that all models have wrong, the surest first: what they are, and what was answered, by how many."""
    numbers = answers.all_fail(found)
    shown = numbers[: _FAILED_ROWS * _FAILED_COLUMNS]
    rows = max(1, math.ceil(len(shown) / _FAILED_COLUMNS))
    figure, grid = plotting.pyplot().subplots(
        rows, _FAILED_COLUMNS, figsize=(1.5 * _FAILED_COLUMNS, 1.95 * rows + 0.7), squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(shown) :]:
        axes.axis("off")
    for axes, number in zip(grid.flat, shown, strict=False):
        figures.draw_image(axes, test.images[number], _answers(number, found), figures.WRONG)
        axes.xaxis.label.set_fontsize(7.5)
        axes.set_title(f"{CLASS_NAMES[test.labels[number]]}, {number}", fontsize=8.5, pad=3)
    who = f"all {len(found)} models have" if len(found) > 1 else f"{found[0].name} has"
    part = f"; these are the {len(shown)} of which they are surest" if len(shown) < len(numbers) else ""
    figure.suptitle(
        f"{len(numbers):,} of {len(test.labels):,} test images {who} wrong{part}\n"
        "above: class and number in the data set; below: the answers, by how many models, with their mean score",
        fontsize=11,
    )
    return figure


def _answers(number: int, found: Sequence[Answers]) -> str:
    """The answers to an image, the most frequent first: "3 x Shirt 97%", a line for each."""
    scores: dict[int, list[float]] = {}
    for one in found:
        scores.setdefault(int(one.classes[number]), []).append(float(one.scores[number]))
    ordered = sorted(scores.items(), key=lambda entry: -len(entry[1]))
    times = [f"{len(values)} x " if len(found) > 1 else "" for _, values in ordered]
    return "\n".join(
        f"{count}{CLASS_NAMES[answer]} {sum(values) / len(values):.0%}"
        for count, (answer, values) in zip(times, ordered, strict=True)
    )


def reliability(found: Sequence[Answers]) -> Any:
    """For each model the share of right answers by score, and below it how many images have such a score."""
    columns = min(len(found), 4)
    blocks = math.ceil(len(found) / columns)
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
        if place < len(found):
            _draw_reliability(upper, lower, found[place])
        else:
            upper.axis("off")
            lower.axis("off")
    words = (
        "What scores are worth: right answers by score, in 15 bins of equal width.",
        "ECE, the expected calibration error (Guo et al. 2017): |accuracy - mean score| of a bin, over all images.",
    )
    letters = round(_LETTERS_AN_INCH * figure.get_figwidth())
    figure.suptitle("\n".join(textwrap.fill(line, letters) for line in words), fontsize=10)
    return figure


def _draw_reliability(upper: Any, lower: Any, one: Answers) -> None:
    bins = [entry for entry in calibration.reliability(one.scores, one.right) if entry.count]
    error = calibration.expected_error(bins)
    middles, width = [(entry.low + entry.high) / 2 for entry in bins], 1 / calibration.BINS
    shares = [entry.accuracy or 0.0 for entry in bins]
    upper.bar(middles, shares, width, color="#56B4E9", edgecolor="white", label="right answers")
    upper.plot([0, 1], [0, 1], "--", color="0.4", linewidth=1, label="as sure as right")
    upper.plot(
        [entry.confidence for entry in bins],
        shares,
        "o-",
        color="black",
        markersize=3,
        linewidth=1,
        label="at the mean score",
    )
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of right answers")
    upper.set_title(f"{one.name}: ECE {error:.4f}", fontsize=10, fontweight="bold")
    upper.legend(fontsize=7, loc="upper left")
    lower.bar(middles, [entry.count for entry in bins], width, color="0.6", edgecolor="white")
    lower.axvline(float(one.scores.mean()), color="black", linewidth=1, linestyle=":", label="mean score")
    lower.axvline(one.accuracy, color="#D55E00", linewidth=1, label="accuracy")
    # The same for every model, with room for the legend.
    lower.set(xlim=(0, 1), yscale="log", ylim=(0.7, 5e5), xlabel="score of the answer", ylabel="images (log)")
    lower.legend(fontsize=7, loc="upper left", ncols=2)


def _save(path: Path, figure: Any) -> Path:
    plotting.save(path, figure)
    return path
