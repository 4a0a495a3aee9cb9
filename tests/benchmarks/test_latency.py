import gc

import pytest

from fmnist_benchmarks import latency


def test_quantiles_are_samples() -> None:
    found = latency.latency([1000 * number for number in range(101)])
    assert (found.p50, found.p90, found.p99, found.max, found.calls) == (50, 90, 99, 100, 101)
    assert latency.latency([7000]).p99 == 7


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
    """A machine that is twice as slow in the second round changes neither the ratio nor, here, the excess."""
    baseline = [[1000, 1000, 9000], [2000, 2000, 2000], [1000, 1000, 1000]]
    slower = [[3000, 3000, 3000], [6000, 6000, 6000], [3000, 3000, 3000]]
    assert latency.ratio(slower, baseline) == 3
    assert latency.excess(slower, baseline) == 2
