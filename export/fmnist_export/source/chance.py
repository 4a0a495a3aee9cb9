"""Whether a model is right more often than one that always guesses the most frequent class."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# One in some 30,000 models that guess passes by luck (the normal distribution's tail).
_STANDARD_ERRORS = 4.0
# The way from guessing to always being right that a model must have gone to be taken for a data set's without a word:
# models of handwritten digits, fed with garments, went a tenth of it (docs/model-file.md).
CLEARLY = 0.25


def of(labels: NDArray[Any]) -> float:
    """The accuracy of always answering the most frequent of `labels`, (N,)."""
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


def is_above(accuracy: float, labels: NDArray[Any]) -> bool:
    """Whether `accuracy` on images of `labels`, (N,), is above chance by more than luck gives."""
    guess, count = of(labels), len(labels)
    return accuracy - guess > _STANDARD_ERRORS * math.sqrt(guess * (1 - guess) / count)


def is_clearly_above(accuracy: float, labels: NDArray[Any]) -> bool:
    """Whether `accuracy` on images of `labels`, (N,), can only be that of a model for these images."""
    guess = of(labels)
    return is_above(accuracy, labels) and accuracy >= guess + CLEARLY * (1 - guess)
