import gc

import pytest

from fmnist_benchmarks.measure import latency


def test_quantiles_are_samples() -> None:
    found = latency.summarize([1000 * number for number in range(101)])
    assert (found.p50, found.p90, found.p99, found.max, found.calls) == (50, 90, 99, 100, 101)
    assert latency.summarize([7000]).p99 == 7


def test_the_spread_and_the_interval_are_microseconds() -> None:
    found = latency.summarize([4000, 8000] * 50)
    assert (found.std, found.p50_low, found.p50_high) == (2, 4, 8)


def test_two_steps_are_timed_apart() -> None:
    seen: list[object] = []
    firsts, seconds = latency.sample_steps(seen.append, lambda: seen.append("second"), [1, 2])
    assert seen == [1, "second", 2, "second"]
    assert len(firsts) == len(seconds) == 2
    assert min(firsts + seconds) > 0


def test_reading_the_clock_costs_less_than_a_call_takes() -> None:
    assert 0 < latency.clock_cost(100) < 100_000


def test_every_call_is_timed_and_the_garbage_collector_comes_back() -> None:
    seen: list[int] = []
    samples = latency.sample(seen.append, range(5))
    assert seen == [0, 1, 2, 3, 4]
    assert len(samples) == 5
    assert min(samples) > 0
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        latency.sample(lambda number: 1 // number, [0])
    assert gc.isenabled()


def test_rounds_are_compared_with_the_same_round() -> None:
    """A machine that is twice as slow in the second round changes neither the ratio nor, here, the difference."""
    baseline = [[1000, 1000, 9000], [2000, 2000, 2000], [1000, 1000, 1000]]
    slower = [[3000, 3000, 3000], [6000, 6000, 6000], [3000, 3000, 3000]]
    assert latency.p50_ratio(slower, baseline) == 3
    assert latency.p50_difference(slower, baseline) == 2
