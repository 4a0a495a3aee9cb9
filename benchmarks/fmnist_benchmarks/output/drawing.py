"""Images and confusion matrices on matplotlib axes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.output import plotting
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES

RIGHT, WRONG = "tab:blue", "tab:red"


def draw_image(axes: Any, image: NDArray[np.uint8], text: str, colour: str) -> None:
    """Draw `image`, (28, 28) uint8, dark on white, with `text` below it."""
    axes.imshow(image, cmap="binary", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(text, color=colour)


def confusion_matrix(counts: NDArray[np.int64], title: str) -> Any:
    """The figure of `counts`, (10, 10): how many images of each class (rows) got each answer (columns)."""
    size = len(CLASS_NAMES)
    figure, axes = plotting.pyplot().subplots(figsize=(8.4, 7.4), layout="constrained")
    axes.imshow(counts, cmap="Blues")
    for row, column in np.ndindex(size, size):
        colour = "white" if counts[row, column] > counts.max() / 2 else "black" if counts[row, column] else "0.6"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(size), CLASS_NAMES, rotation=45, ha="right")
    axes.set_yticks(range(size), CLASS_NAMES)
    axes.set(xlabel="answer", ylabel="class", title=title)
    return figure
