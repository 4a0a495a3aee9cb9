"""Select the images of the golden file: those on which a wrong model file shows first, and some of every class."""

import numpy as np
from numpy.typing import NDArray

from fmnist_export.source.reference_answers import ReferenceAnswers
from fmnist_runtime.model.golden import Golden

IMAGES = 200
HARDEST_SHARE = 0.64


def select(answers: ReferenceAnswers, keras_sha256: str, count: int = IMAGES) -> Golden:
    """`count` golden images of the test set, by Keras's `answers`; all images of a smaller test set.

    64 % of them (128 of 200) are the hardest images, with the smallest margin between Keras's first two classes, in
    ascending order of the margin. The others are taken in turn from the classes that Keras gives, each in the order of
    the test set. The same arguments give the same file.
    """
    count = min(count, len(answers.images))
    expected = answers.classes.astype(np.uint16)
    hardest = _hardest(answers.probabilities, round(count * HARDEST_SHARE))
    indices = np.array([*hardest, *_others(expected, set(hardest), count - len(hardest))], np.int32)
    return Golden(
        images=answers.images[indices],
        indices=indices,
        expected=expected[indices],
        probabilities=answers.probabilities[indices],
        test_expected=expected,
        keras_sha256=keras_sha256,
    )


def _hardest(probabilities: NDArray[np.float32], count: int) -> list[int]:
    """The indices of the `count` images with the smallest margin between the first two classes."""
    first_two = np.partition(probabilities, -2, axis=1)[:, -2:]
    order = np.argsort(first_two[:, 1] - first_two[:, 0], kind="stable")
    return [int(index) for index in order[:count]]


def _others(expected: NDArray[np.uint16], taken: set[int], count: int) -> list[int]:
    """The indices of `count` images that are not `taken`, class after class in turn."""
    groups = [np.flatnonzero(expected == label).tolist() for label in np.unique(expected)]
    free = [[index for index in group if index not in taken] for group in groups]
    in_turn = [group[turn] for turn in range(count) for group in free if turn < len(group)]
    return in_turn[:count]
