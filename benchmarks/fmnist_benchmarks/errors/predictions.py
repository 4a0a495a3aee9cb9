"""What models answered to the test images, and what is counted from it: pairs of classes, shared mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES

CLASSES = len(CLASS_NAMES)


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model answered: the classes, (N,), their scores, (N,), and whether they are right, (N,)."""

    name: str
    model: str
    runtime: str
    classes: NDArray[np.int64]
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float(self.right.mean())


@dataclass(frozen=True)
class Pair:
    """Two classes, the lower number first, and by model how many images of the one got the other as answer.

    `there` counts images of the first class answered as the second, `back` the others.
    """

    first: int
    second: int
    there: tuple[int, ...]
    back: tuple[int, ...]

    @property
    def total(self) -> int:
        """Over all models."""
        return sum(self.there) + sum(self.back)

    @property
    def title(self) -> str:
        """Such as "T-shirt/top and Shirt"."""
        return f"{CLASS_NAMES[self.first]} and {CLASS_NAMES[self.second]}"


def confusion(labels: NDArray[np.uint8], answers: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many images of each class (rows) got each answer (columns), (10, 10)."""
    counts: NDArray[np.int64] = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(counts, (labels, answers), 1)
    return counts


def pairs(labels: NDArray[np.uint8], found: Sequence[Answers]) -> list[Pair]:
    """Every two classes that any model takes for each other, those first that are confused most."""
    counts = [confusion(labels, one.classes) for one in found]
    every = [
        Pair(
            first,
            second,
            tuple(int(one[first, second]) for one in counts),
            tuple(int(one[second, first]) for one in counts),
        )
        for first in range(CLASSES)
        for second in range(first + 1, CLASSES)
    ]
    return sorted((pair for pair in every if pair.total), key=lambda pair: -pair.total)


def examples(pair: Pair, labels: NDArray[np.uint8], answers: Answers, count: int) -> list[int]:
    """The numbers of at most `count` images of `pair` that `answers` takes for the other class, surest first."""
    two = (pair.first, pair.second)
    wrong = np.isin(labels, two) & np.isin(answers.classes, two) & ~answers.right
    numbers = np.flatnonzero(wrong)
    return [int(number) for number in numbers[np.argsort(-answers.scores[numbers], kind="stable")][:count]]


def all_fail(found: Sequence[Answers]) -> list[int]:
    """The numbers of the images that every model has wrong, those first of which they are surest (mean score)."""
    numbers = np.flatnonzero(~np.any([one.right for one in found], axis=0))
    scores = np.mean([one.scores for one in found], axis=0)[numbers]
    return [int(number) for number in numbers[np.argsort(-scores, kind="stable")]]


def best(found: Sequence[Answers]) -> Answers:
    """The most accurate; of equal ones the first."""
    return max(found, key=lambda one: one.accuracy)
