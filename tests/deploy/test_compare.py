"""The comparison on outputs that are small enough to see the answer."""

import numpy as np
import pytest

from fmnist_deploy.devices.compare import agreement, compare, turned


def test_the_same_bytes_are_identical() -> None:
    outputs = np.array([[1, 2, 3], [3, 2, 1]], np.int8)
    found = compare(outputs, outputs.copy())
    assert found.identical
    assert (found.differing, found.largest, found.smallest_margin, found.near, found.turned) == (0, 0, None, 0, 0)


def test_steps_of_int8_do_not_wrap() -> None:
    found = compare(np.array([[127, 0]], np.int8), np.array([[-128, 0]], np.int8))
    assert (found.largest, found.differing, found.turned) == (255, 1, 1)
    assert not found.identical


def test_an_answer_can_change_only_where_the_margin_is_small() -> None:
    reference = np.array([[100, 50, 0], [51, 50, 0], [50, 50, 0], [9, 0, 0]], np.int8)
    outputs = np.array([[99, 51, 0], [50, 51, 0], [50, 50, 1], [9, 0, 0]], np.int8)
    found = compare(outputs, reference)
    assert found.differing == 3
    assert found.largest == 1
    assert found.smallest_margin == 0
    assert found.near == 2  # the second and the third; the first would need 25 steps
    assert found.turned == 1  # the second


def test_floats_are_compared_by_their_bytes() -> None:
    found = compare(np.array([[0.0, 1.0]], np.float32), np.array([[-0.0, 1.0]], np.float32))
    assert (found.differing, found.largest, found.near) == (1, 0, 0)
    found = compare(np.array([[0.25, 0.75]], np.float32), np.array([[0.5, 0.5]], np.float32))
    assert (found.largest, found.smallest_margin, found.near, found.turned) == (0.25, 0, 1, 1)


def test_other_shapes_and_dtypes_are_refused() -> None:
    outputs = np.zeros((2, 3), np.int8)
    for other in (np.zeros((3, 3), np.int8), np.zeros((2, 3), np.float32)):
        with pytest.raises(ValueError, match="cannot be compared"):
            compare(outputs, other)


def test_agreement_and_turned_take_the_first_of_classes_that_tie() -> None:
    outputs = np.array([[5, 5, 0], [0, 1, 2]], np.int8)
    assert agreement(outputs, np.array([0, 2], np.uint16)) == 1.0
    assert agreement(outputs, np.array([1, 2], np.uint16)) == 0.5
    assert turned(outputs, np.array([[0, 5, 5], [0, 1, 2]], np.int8)) == 1
