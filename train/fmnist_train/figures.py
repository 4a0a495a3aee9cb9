"""The figures of TensorFlow's basic classification tutorial, with training curves and a confusion matrix.

Each function draws one figure and returns it; `save_all` writes them as PNG. Images are dark on white, as in the
tutorial; a right answer is blue, a wrong one red. The benchmarks draw with `confusion` and `draw_image` too
(errors/figures.py): no tensorflow is imported here.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from numpy.typing import NDArray

from fmnist_runtime.data.dataset import Split
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.system.atomic import make_folder, write_atomically

RIGHT, WRONG, _OTHER = "tab:blue", "tab:red", "#999999"
_DOTS_PER_INCH = 120
# The grid of the tutorial, and as many wrong answers as fit into two more rows.
_ROWS, _COLUMNS = 5, 3
_WRONG_ROWS = 2

Images = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


def save_all(
    folder: Path, train: Split, test: Split, probabilities: Probabilities, history: dict[str, list[float]]
) -> Iterator[Path]:
    """Draw every figure into `folder` and yield its path. `probabilities` is (10000, 10) for the test images."""
    make_folder(folder)
    figures: dict[str, Callable[[], Figure]] = {
        "training-image.png": lambda: colour_bar(train.images[0]),
        "training-samples.png": lambda: samples(train),
        "curves.png": lambda: curves(history),
        "prediction-0.png": lambda: prediction(test, probabilities, 0),
        "prediction-12.png": lambda: prediction(test, probabilities, 12),
        "predictions.png": lambda: prediction_grid(test, probabilities),
        "single-prediction.png": lambda: single_prediction(test, probabilities, 1),
        "confusion.png": lambda: confusion(test.labels, probabilities.argmax(axis=1)),
    }
    for name, draw in figures.items():
        write_atomically(folder / name, _png(draw()))
        yield folder / name


def colour_bar(image: Images) -> Figure:
    """One image, (28, 28) uint8, with the colour bar of its pixel values."""
    figure = _figure((5, 4))
    axes = figure.subplots()
    figure.colorbar(_show(axes, image), label="pixel value")
    axes.set_title("The first training image")
    return figure


def samples(split: Split) -> Figure:
    """The first 25 images with their class names."""
    figure = _figure((9, 9.6))
    for axes, image, label in zip(figure.subplots(5, 5).flat, split.images, split.labels, strict=False):
        draw_image(axes, image, CLASS_NAMES[label], "black")
    return figure


def prediction(split: Split, probabilities: Probabilities, index: int) -> Figure:
    """Image `index` beside the bar chart of its ten probabilities."""
    figure = _figure((7, 3.4))
    _draw_prediction(figure.subplots(1, 2), split, probabilities, index)
    figure.suptitle(f"Test image {index}")
    return figure


def prediction_grid(split: Split, probabilities: Probabilities) -> Figure:
    """The first 15 images, and below them the next 6 with a wrong answer, each beside its probabilities."""
    first = range(_ROWS * _COLUMNS)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != split.labels)
    wrong = wrong[wrong >= len(first)][: _WRONG_ROWS * _COLUMNS]
    wrong_rows = -(-len(wrong) // _COLUMNS)
    figure = _figure((4.6 * _COLUMNS, 2.4 * (_ROWS + wrong_rows)))
    if not wrong_rows:
        _draw_grid(figure, split, probabilities, first, _ROWS, f"The first {len(first)} test images")
        return figure
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(_ROWS, wrong_rows), hspace=0.02)[:, 0]
    _draw_grid(parts[0], split, probabilities, first, _ROWS, f"The first {len(first)} test images")
    title = f"The next {len(wrong)} test images with a wrong answer"
    _draw_grid(parts[1], split, probabilities, [int(index) for index in wrong], wrong_rows, title)
    return figure


def single_prediction(split: Split, probabilities: Probabilities, index: int) -> Figure:
    """Image `index`, beside it the bar chart of its probabilities with rotated class names, as in the tutorial."""
    figure = _figure((8.6, 4.4))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    _draw_answer(left, split, probabilities, index)
    _colour(right.bar(range(len(CLASS_NAMES)), probabilities[index]), probabilities[index], int(split.labels[index]))
    right.set_xticks(range(len(CLASS_NAMES)), CLASS_NAMES, rotation=45, ha="right")
    right.set_ylim(0, 1)
    right.set_yticks([0, 0.5, 1])
    right.set_ylabel("probability")
    figure.suptitle(f"Test image {index}: {CLASS_NAMES[split.labels[index]]}")
    return figure


def curves(history: dict[str, list[float]]) -> Figure:
    """Loss and accuracy by epoch, on the training images and on the held-out ones where there are any."""
    figure = _figure((9, 3.8))
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, label, style in (
            (name, "training (mean over the epoch)", "o-"),
            (f"val_{name}", "held out", "s--"),
        ):
            if key in history:
                axes.plot(range(1, len(history[key]) + 1), history[key], style, label=label)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    return figure


def confusion(labels: NDArray[np.uint8], answers: NDArray[np.int64], title: str = "") -> Figure:
    """The number of images of each class (rows) with each answer (columns); the default title counts the right ones."""
    size = len(CLASS_NAMES)
    counts = np.bincount(labels.astype(np.int64) * size + answers, minlength=size * size).reshape(size, size)
    figure = _figure((8.4, 7.4))
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues")
    for row, column in np.ndindex(size, size):
        colour = "white" if counts[row, column] > counts.max() / 2 else "black" if counts[row, column] else _OTHER
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(size), CLASS_NAMES, rotation=45, ha="right")
    axes.set_yticks(range(size), CLASS_NAMES)
    axes.set_xlabel("answer")
    axes.set_ylabel("class")
    axes.set_title(title or f"{np.trace(counts):,} of {counts.sum():,} test images right")
    return figure


def draw_image(axes: Axes, image: Images, text: str, colour: str) -> None:
    """`image`, (28, 28) uint8, dark on white, with `text` below it."""
    _show(axes, image)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(text, color=colour)


def _figure(size: tuple[float, float]) -> Figure:
    """An empty figure of `size` in inches, with room at the edges for labels that are wider than their axes."""
    return Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.06))


def _show(axes: Axes, image: Images) -> AxesImage:
    """`image` dark on white, whatever its darkest pixel is."""
    return axes.imshow(image, cmap="binary", vmin=0, vmax=255)


def _draw_grid(
    figure: FigureBase, split: Split, probabilities: Probabilities, indices: Sequence[int], rows: int, title: str
) -> None:
    """The images of `indices`, each beside the bar chart of its probabilities, in `rows` of _COLUMNS."""
    figure.suptitle(title)
    pairs = figure.subplots(rows, 2 * _COLUMNS, squeeze=False).reshape(-1, 2)
    for pair, index in zip(pairs, indices, strict=False):
        _draw_prediction(pair, split, probabilities, index)
        pair[0].set_title(f"test image {index}", fontsize=9)
        pair[0].xaxis.label.set_size(9)
    for axes in pairs[len(indices) :].flat:
        axes.set_axis_off()


def _draw_prediction(pair: Sequence[Axes], split: Split, probabilities: Probabilities, index: int) -> None:
    """Image `index` in the first axes, and its probabilities as horizontal bars with class names in the second."""
    left, right = pair
    _draw_answer(left, split, probabilities, index)
    _colour(right.barh(range(len(CLASS_NAMES)), probabilities[index]), probabilities[index], int(split.labels[index]))
    right.set_yticks(range(len(CLASS_NAMES)), CLASS_NAMES, fontsize=8)
    right.invert_yaxis()
    right.set_xlim(0, 1)
    right.set_xticks([0, 0.5, 1], ["0", "0.5", "1"], fontsize=8)


def _draw_answer(axes: Axes, split: Split, probabilities: Probabilities, index: int) -> None:
    """The image, and below it "answer 97% (class)"."""
    answer, label = int(probabilities[index].argmax()), int(split.labels[index])
    text = f"{CLASS_NAMES[answer]} {probabilities[index].max():.0%} ({CLASS_NAMES[label]})"
    draw_image(axes, split.images[index], text, RIGHT if answer == label else WRONG)


def _colour(bars: Sequence[Patch], probabilities: Probabilities, label: int) -> None:
    """Blue for the bar of the class, red for a wrong answer, grey for all others."""
    for bar in bars:
        bar.set_color(_OTHER)
    bars[int(probabilities.argmax())].set_color(WRONG)
    bars[label].set_color(RIGHT)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
    return buffer.getvalue()
