"""The accuracy of guessing, and what is clearly above it."""

import numpy as np

from fmnist_export.source import chance_level


def test_chance_is_the_share_of_the_most_frequent_class_and_luck_is_not_above_it() -> None:
    labels = np.repeat(np.arange(10), 100)
    assert chance_level.accuracy(labels) == 0.1
    assert chance_level.accuracy(np.array([0, 0, 0, 1])) == 0.75
    assert not chance_level.is_exceeded(0.13, labels)
    assert chance_level.is_exceeded(0.15, labels)
    assert not chance_level.is_clearly_exceeded(0.3, labels)
    assert chance_level.is_clearly_exceeded(0.33, labels)
