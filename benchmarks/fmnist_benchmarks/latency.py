"""Latency of single calls: the clock, samples in interleaved rounds, quantiles.

Rounds are interleaved (every contender answers a block of images, then all of them the next block) so that a change of
the machine's speed meets all of them. What is compared is a round with the same round of another contender.
"""

import gc
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any


@dataclass(frozen=True)
class Latency:
    """Quantiles of the time that a call takes, in microseconds."""

    p50: float
    p90: float
    p99: float
    max: float
    calls: int


def sample(call: Callable[[Any], object], arguments: Iterable[Any]) -> list[int]:
    """The nanoseconds of `call(argument)` for each argument; the garbage collector rests meanwhile."""
    samples: list[int] = []
    keep, clock = samples.append, perf_counter_ns
    gc.disable()
    try:
        for argument in arguments:
            start = clock()
            call(argument)
            keep(clock() - start)
    finally:
        gc.enable()
    return samples


def latency(samples: Sequence[int]) -> Latency:
    """The quantiles of `samples`, nanoseconds of single calls: each is the nearest sample, none is made up."""
    ordered = sorted(samples)
    last = len(ordered) - 1
    p50, p90, p99 = (ordered[round(share * last)] / 1000 for share in (0.5, 0.9, 0.99))
    return Latency(p50, p90, p99, ordered[-1] / 1000, len(ordered))


def excess(rounds: Sequence[Sequence[int]], baseline: Sequence[Sequence[int]]) -> float:
    """Microseconds by which the p50 of a round exceeds that of the same round of `baseline`: the median over rounds."""
    return statistics.median(_p50(one) - _p50(other) for one, other in zip(rounds, baseline, strict=True))


def ratio(rounds: Sequence[Sequence[int]], baseline: Sequence[Sequence[int]]) -> float:
    """By how many times the p50 of a round exceeds that of the same round of `baseline`: the median over rounds."""
    return statistics.median(_p50(one) / _p50(other) for one, other in zip(rounds, baseline, strict=True))


def _p50(samples: Sequence[int]) -> float:
    return statistics.median(samples) / 1000
