"""Latency of single calls: the clock and its cost, samples in interleaved rounds, quantiles.

Rounds are interleaved (every process answers a block of images, then all of them answer the next block), so that a
change of the machine's speed affects all of them. A round is compared with the same round of another process.
"""

import contextlib
import gc
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

from fmnist_benchmarks.measure.intervals import median_interval


@dataclass(frozen=True)
class Latency:
    """Quantiles of the time that a call takes, their standard deviation, the 95 % interval of the p50; microseconds."""

    p50: float
    p90: float
    p99: float
    max: float
    calls: int
    std: float = 0.0
    p50_low: float = 0.0
    p50_high: float = 0.0


def sample(call: Callable[[Any], object], arguments: Iterable[Any]) -> list[int]:
    """The nanoseconds of `call(argument)` for each argument, with the garbage collector switched off."""
    samples: list[int] = []
    append, clock = samples.append, perf_counter_ns
    with _collector_off():
        for argument in arguments:
            start = clock()
            call(argument)
            append(clock() - start)
    return samples


def sample_steps(
    first: Callable[[Any], object], second: Callable[[], object], arguments: Iterable[Any]
) -> tuple[list[int], list[int]]:
    """The nanoseconds of `first(argument)`, and of the `second()` that follows it, for each argument."""
    firsts: list[int] = []
    seconds: list[int] = []
    clock = perf_counter_ns
    with _collector_off():
        for argument in arguments:
            start = clock()
            first(argument)
            middle = clock()
            second()
            end = clock()
            firsts.append(middle - start)
            seconds.append(end - middle)
    return firsts, seconds


def summarize(samples: Sequence[int]) -> Latency:
    """The quantiles of `samples`, nanoseconds of single calls; each is the nearest sample, without interpolation."""
    ordered = sorted(samples)
    last = len(ordered) - 1
    p50, p90, p99 = (ordered[round(share * last)] / 1000 for share in (0.5, 0.9, 0.99))
    mean = math.fsum(ordered) / len(ordered)
    std = math.sqrt(math.fsum((one - mean) ** 2 for one in ordered) / len(ordered)) / 1000
    interval = median_interval(ordered)
    low, high = interval.low / 1000, interval.high / 1000
    return Latency(p50, p90, p99, ordered[-1] / 1000, len(ordered), std, low, high)


def clock_cost(count: int = 10_000) -> float:
    """The nanoseconds that reading the clock adds to a sample: the median over `count` samples of nothing."""
    clock = perf_counter_ns
    return statistics.median([-(clock() - clock()) for _ in range(count)])


def p50_difference(rounds: Sequence[Sequence[int]], baseline: Sequence[Sequence[int]]) -> float:
    """Microseconds by which the p50 of a round exceeds that of the same round of `baseline`: the median over rounds."""
    return statistics.median(_p50(one) - _p50(other) for one, other in zip(rounds, baseline, strict=True))


def p50_ratio(rounds: Sequence[Sequence[int]], baseline: Sequence[Sequence[int]]) -> float:
    """The p50 of a round as a multiple of that of the same round of `baseline`: the median over rounds."""
    return statistics.median(_p50(one) / _p50(other) for one, other in zip(rounds, baseline, strict=True))


@contextlib.contextmanager
def _collector_off() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _p50(samples: Sequence[int]) -> float:
    return statistics.median(samples) / 1000
