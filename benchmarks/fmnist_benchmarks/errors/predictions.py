"""The predictions of models on the test images, and their errors: confused pairs of classes, shared mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES

CLASSES = len(CLASS_NAMES)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model predicted for N images: classes, (N,), their scores, (N,), 0 to 1, and which are right, (N,)."""

    name: str
    model: str
    runtime: str
    classes: NDArray[np.int64]
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """The share of right predictions, 0 to 1."""
        return float(self.right.mean())


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes that are confused, the lower number first.

    `first_as_second` counts by model the images of the first class that were predicted as the second, `second_as_first`
    the reverse.
    """

    first: int
    second: int
    first_as_second: tuple[int, ...]
    second_as_first: tuple[int, ...]

    @property
    def total(self) -> int:
        """Both counts over all models."""
        return sum(self.first_as_second) + sum(self.second_as_first)

    @property
    def title(self) -> str:
        """Such as "T-shirt/top and Shirt"."""
        return f"{CLASS_NAMES[self.first]} and {CLASS_NAMES[self.second]}"


def confusion(labels: NDArray[np.uint8], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many images of each class (rows) got each prediction (columns), (10, 10); both arguments are (N,)."""
    counts: NDArray[np.int64] = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(counts, (labels, classes), 1)
    return counts


def confused_pairs(labels: NDArray[np.uint8], models: Sequence[Predictions]) -> list[ConfusedPair]:
    """Every two classes that any model confuses, the most confused first."""
    counts = [confusion(labels, one.classes) for one in models]
    every = [
        ConfusedPair(
            first,
            second,
            tuple(int(one[first, second]) for one in counts),
            tuple(int(one[second, first]) for one in counts),
        )
        for first in range(CLASSES)
        for second in range(first + 1, CLASSES)
    ]
    return sorted((pair for pair in every if pair.total), key=lambda pair: -pair.total)


def example_indices(pair: ConfusedPair, labels: NDArray[np.uint8], model: Predictions, count: int) -> list[int]:
    """The indices of at most `count` images of `pair` that `model` confuses, the highest score first."""
    two = (pair.first, pair.second)
    wrong = np.isin(labels, two) & np.isin(model.classes, two) & ~model.right
    numbers = np.flatnonzero(wrong)
    return [int(number) for number in numbers[np.argsort(-model.scores[numbers], kind="stable")][:count]]


def failed_by_all(models: Sequence[Predictions]) -> list[int]:
    """The indices of the images that every model gets wrong, the highest mean score first."""
    numbers = np.flatnonzero(~np.any([one.right for one in models], axis=0))
    scores = np.mean([one.scores for one in models], axis=0)[numbers]
    return [int(number) for number in numbers[np.argsort(-scores, kind="stable")]]


def most_accurate(models: Sequence[Predictions]) -> Predictions:
    """The most accurate of `models`; of equal ones the first."""
    return max(models, key=lambda one: one.accuracy)
