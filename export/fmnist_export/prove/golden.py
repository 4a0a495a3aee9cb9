"""The images of the golden file: those on which a wrong file shows first, and some of every class."""

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.model.golden import Golden

IMAGES = 200
HARDEST_SHARE = 0.64


def choose(
    images: NDArray[np.uint8], probabilities: NDArray[np.float32], keras_sha256: str, count: int = IMAGES
) -> Golden:
    """`count` golden images among `images`, (N, 28, 28) uint8, by what Keras answers, (N, classes) float32.

    First 64 % with the smallest margin between Keras's first two classes (128 of 200), then others, taken in turn from
    the classes that Keras answers, each in the order of the test set; all of a smaller test set. The same arguments
    give the same file.
    """
    count = min(count, len(images))
    expected = probabilities.argmax(axis=1).astype(np.uint16)
    hardest = _hardest(probabilities, round(count * HARDEST_SHARE))
    indices = np.array([*hardest, *_others(expected, set(hardest), count - len(hardest))], np.int32)
    return Golden(images[indices], indices, expected[indices], probabilities[indices], expected, keras_sha256)


def _hardest(probabilities: NDArray[np.float32], count: int) -> list[int]:
    first_two = np.partition(probabilities, -2, axis=1)[:, -2:]
    order = np.argsort(first_two[:, 1] - first_two[:, 0], kind="stable")
    return [int(index) for index in order[:count]]


def _others(expected: NDArray[np.uint16], taken: set[int], count: int) -> list[int]:
    groups = [np.flatnonzero(expected == label).tolist() for label in np.unique(expected)]
    left = [[index for index in group if index not in taken] for group in groups]
    in_turn = [group[turn] for turn in range(count) for group in left if turn < len(group)]
    return in_turn[:count]
