"""The figure of fmnist-benchmark is cut at the p99.9, and says what lies beyond."""

from pathlib import Path

import numpy as np
import pytest

from fmnist_benchmarks.measure import machine
from fmnist_benchmarks.measure.rounds import ProcessSamples, Samples
from fmnist_benchmarks.measure.subject import Subject
from fmnist_benchmarks.output import plotting

SUBJECT = Subject(Path("a.tflite"), "int8", 1, "", 1, "litert", "2.3.0", np.zeros(1, np.intp))


def samples(microseconds: list[int]) -> Samples:
    nanoseconds = [1000 * one for one in microseconds]
    half = len(nanoseconds) // 2
    return Samples(
        tuple(ProcessSamples({}, {"classify": part}, 1) for part in (nanoseconds[:half], nanoseconds[half:]))
    )


def test_the_axes_end_at_the_p999_and_the_figure_counts_what_lies_beyond() -> None:
    # 2,001 calls from 10 to 30 us, then two accidents of 50 ms: the nearest sample to the 99.9 % is 30 us.
    measured = samples([10 + number // 100 for number in range(2001)] + [50_000] * 2)
    figure = plotting.draw({SUBJECT: measured}, machine.describe())
    left, right = figure.axes
    assert left.get_xlim() == pytest.approx((9.7, 30.9))
    assert right.get_ylim() == pytest.approx((9.7, 30.9))
    text = " ".join(figure.get_supxlabel().split())
    assert text == ("Cut at the p99.9, 30.0 µs: 2 of 2,003 calls of a.tflite, 1 thread lie beyond (slowest 50,000 µs).")
    plotting.pyplot().close(figure)


def test_a_figure_with_nothing_beyond_says_so() -> None:
    assert plotting.beyond({SUBJECT: np.array([1.0, 2.0])}, 2.0) == "Cut at the p99.9, 2.0 µs: no call lies beyond."
