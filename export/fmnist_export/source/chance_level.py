"""Whether a model does better than one that always guesses the most frequent class."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# About one guessing model in 30,000 passes by luck (the normal distribution's tail).
_STANDARD_ERRORS = 4.0
# A model is taken for one of a data set only where it covers at least this share of the way from guessing to always
# being right. Models of handwritten digits that were given garments covered a tenth of it (docs/model-file.md).
CLEARLY = 0.25


def accuracy(labels: NDArray[Any]) -> float:
    """The accuracy of always answering the most frequent of `labels`, (N,)."""
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


def is_exceeded(measured: float, labels: NDArray[Any]) -> bool:
    """Whether the accuracy `measured` on images with `labels`, (N,), is further above chance than luck explains."""
    chance, count = accuracy(labels), len(labels)
    return measured - chance > _STANDARD_ERRORS * math.sqrt(chance * (1 - chance) / count)


def is_clearly_exceeded(measured: float, labels: NDArray[Any]) -> bool:
    """Whether the accuracy `measured` on images with `labels`, (N,), is possible only for a model of these images."""
    chance = accuracy(labels)
    return is_exceeded(measured, labels) and measured >= chance + CLEARLY * (1 - chance)
