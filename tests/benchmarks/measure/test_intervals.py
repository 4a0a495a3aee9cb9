import math
import random

import pytest

from fmnist_benchmarks.measure import intervals
from fmnist_benchmarks.measure.intervals import Interval


def test_the_ranks_of_the_table_in_the_books() -> None:
    """David and Nagaraja, table 7.1: n = 6 takes the extremes (96.9 %), n = 10 the second, n = 20 the sixth."""
    for count, rank in ((6, 1), (8, 1), (9, 2), (10, 2), (20, 6), (50, 18), (100, 40)):
        interval = intervals.median_interval(range(1, count + 1))
        assert (interval.low, interval.high) == (rank, count + 1 - rank), count
        assert interval.middle == (count + 1) / 2


def test_few_samples_have_their_extremes() -> None:
    assert intervals.median_interval([3.0]) == Interval(3, 3, 3)
    assert intervals.median_interval([3, 1, 2]) == Interval(1, 2, 3)


def test_many_samples_take_the_normal_distribution_and_agree_with_few() -> None:
    below, above = (intervals.median_interval(range(count)) for count in (1000, 1001))
    assert abs(below.low - above.low) <= 1
    assert above.low == math.floor((1001 - 1.959964 * math.sqrt(1001)) / 2) - 1


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    generator = random.Random(0)
    held = 0
    for _ in range(1000):
        low, _, high = intervals.median_interval([generator.expovariate(1) for _ in range(51)])
        held += low <= math.log(2) <= high
    assert 940 <= held <= 985  # 95 % are promised, and 51 samples give 95.1


def test_drift_compares_the_last_tenth_with_the_first() -> None:
    assert intervals.drift([100] * 10 + [500] * 80 + [110] * 10) == pytest.approx(0.1)
    assert intervals.drift([100, 100, 50]) == pytest.approx(-0.5)


def test_a_ratio_is_taken_round_by_round() -> None:
    baseline = [[10, 11, 99], [20, 20, 20], [10, 10, 10]]
    doubled = [[2 * one for one in block] for block in baseline]
    assert intervals.ratio_interval(doubled, baseline) == Interval(2, 2, 2)


def test_the_p_values_of_the_table_of_mann_and_whitney() -> None:
    """Their table for n = 3 and m = 3: U of 0, 1, 2 and 3 have .05, .10, .20 and .35."""
    for values, p_value in (((4, 5, 6), 0.05), ((3, 5, 6), 0.10), ((2, 5, 6), 0.20), ((1, 5, 6), 0.35)):
        others = sorted(set(range(1, 7)) - set(values))
        assert intervals.p_value_greater(values, others) == pytest.approx(p_value)
    assert intervals.p_value_greater(range(6, 12), range(6)) == pytest.approx(1 / 924)
    assert intervals.p_value_greater(range(6), range(6, 12)) == 1


def test_ties_count_half() -> None:
    assert 0.5 < intervals.p_value_greater([1] * 6, [1] * 6) < 0.6


def test_a_single_disturbed_process_does_not_decide() -> None:
    assert intervals.p_value_greater([20, 21, 22, 23, 24, 25], [10, 11, 12, 13, 14, 99]) < 0.1
    assert intervals.p_value_greater([20, 21, 22, 23, 24, 25], [10, 11, 12, 13, 14, 22]) < 0.01
