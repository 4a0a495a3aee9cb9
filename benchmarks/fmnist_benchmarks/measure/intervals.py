"""What a median of samples is worth: its interval, the drift over a run, a ratio of two that ran in turns, and whether
two samples differ at all.

An interval of the median takes nothing but the order of the samples: between the j-th smallest and the j-th largest of
n, the true median lies with the probability that a fair coin falls heads between j and n - j times in n throws.
Source: H. A. David and H. N. Nagaraja, Order Statistics, 3rd edition, section 7.1. It takes the samples for
independent; neighbouring calls are not quite, so what is compared between two runs are whole processes.
"""

import math
import statistics
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

CONFIDENCE = 0.95
# From here on the binomial distribution is taken for a normal one, which moves a rank by one at most.
_LARGE = 1000


class Interval(NamedTuple):
    """A median with the ends of its interval."""

    low: float
    middle: float
    high: float


def median_interval(samples: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The median of `samples` and the tightest interval by order statistics that holds it with `confidence`.

    Fewer than six samples have no interval of 95 %: theirs is from the smallest to the largest.
    """
    ordered = sorted(samples)
    rank = _rank(len(ordered), confidence)
    return Interval(float(ordered[rank - 1]), statistics.median(ordered), float(ordered[-rank]))


def ratio_interval(rounds: Sequence[Sequence[int]], baseline: Sequence[Sequence[int]]) -> Interval:
    """By how many times the median of a round exceeds that of the same round of `baseline`: median and interval."""
    return median_interval(
        [statistics.median(one) / statistics.median(other) for one, other in zip(rounds, baseline, strict=True)]
    )


def drift(samples: Sequence[float]) -> float:
    """By what share the median of the last tenth of `samples`, in the order of time, exceeds that of the first."""
    tenth = max(len(samples) // 10, 1)
    return statistics.median(samples[-tenth:]) / statistics.median(samples[:tenth]) - 1


def chance_of_above(ones: Sequence[float], others: Sequence[float]) -> float:
    """How likely `ones` would lie so far above `others` by chance, if both were alike: 1 of 924 for all 6 above all 6.

    The exact one-sided test of H. B. Mann and D. R. Whitney, Annals of Mathematical Statistics 18 (1947), which takes
    nothing but the order, so that one process that met with an accident decides nothing. Ties count half.
    """
    above = math.floor(sum((one > other) + (one == other) / 2 for one in ones for other in others))
    counts = _orders(len(ones), len(others))
    return sum(counts[above:]) / sum(counts)


@cache
def _orders(count: int, others: int) -> tuple[int, ...]:
    """In how many orders of `count` and `others` samples so many pairs have the one above the other: by pairs."""
    if not count or not others:
        return (1,)
    # The highest of all is one of `count`, and above all others; or it is one of `others`, and above none.
    highest, lower = _orders(count - 1, others), _orders(count, others - 1)
    found = [0] * (count * others + 1)
    for pairs, orders in enumerate(highest):
        found[pairs + others] += orders
    for pairs, orders in enumerate(lower):
        found[pairs] += orders
    return tuple(found)


def _rank(count: int, confidence: float) -> int:
    """The largest j, 1 at least, for which the j-th from either end of `count` samples hold the median between them."""
    most = (1 - confidence) / 2
    if count > _LARGE:
        quantile = statistics.NormalDist().inv_cdf(1 - most)
        return math.floor((count - quantile * math.sqrt(count)) / 2)
    rank, below = 0, 0
    while rank < count and below + math.comb(count, rank) <= most * 2**count:
        below += math.comb(count, rank)
        rank += 1
    return max(rank, 1)
