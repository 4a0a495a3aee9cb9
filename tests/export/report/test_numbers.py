"""The numbers of the report on known samples."""

import numpy as np
import pytest

from fmnist_export.report import numbers


def test_the_wilson_interval_is_that_of_the_published_examples() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
    for count, total, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        assert numbers.Share(count, total).interval == pytest.approx((low, high), abs=5e-5)
    assert numbers.Share(10_000, 10_000).interval == pytest.approx((0.999616, 1), abs=1e-6)
    assert numbers.Share(0, 0).interval == (0.0, 1.0)


def test_agreement_accuracy_and_drift_of_a_known_sample() -> None:
    keras = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], np.float32)
    file = np.array([[0.8, 0.2], [0.3, 0.7], [0.5, 0.5], [0.6, 0.4]], np.float32)
    labels = np.array([0, 1, 1, 1], np.uint8)
    assert numbers.agreement(file.argmax(axis=1), keras) == numbers.Share(3, 4)
    assert numbers.accuracy(file.argmax(axis=1), labels) == numbers.Share(2, 4)
    assert numbers.disagreements(file.argmax(axis=1), keras).tolist() == [3]
    assert numbers.by_class(np.array([True, True, True, False]), labels, 3) == [
        numbers.Share(1, 1),
        numbers.Share(2, 3),
        numbers.Share(0, 0),
    ]
    drift = numbers.drift(file, keras)
    assert drift.mean == pytest.approx(-0.1)
    assert (drift.median, drift.p95, drift.largest) == pytest.approx((0.1, 0.1, 0.1))
