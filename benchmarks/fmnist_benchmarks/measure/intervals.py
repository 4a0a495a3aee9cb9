"""Statistics of samples: the interval of a median, drift over a run, ratios of runs in turns, a test of difference.

The interval of a median uses only the order of the samples: the true median lies between the j-th smallest and the
j-th largest of n with the probability that a fair coin falls heads between j and n - j times in n throws.
Source: H. A. David and H. N. Nagaraja, Order Statistics, 3rd edition, section 7.1. It assumes independent samples.
Neighbouring calls are not quite independent, so two runs are compared by whole processes.
"""

import math
import statistics
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

CONFIDENCE = 0.95
# Above this the normal distribution stands in for the binomial one, which moves a rank by one at most.
_LARGE = 1000


class Interval(NamedTuple):
    """A median and the ends of its interval."""

    low: float
    middle: float
    high: float


def median_interval(samples: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The median of `samples` and its tightest interval of `confidence` by order statistics.

    Fewer than six samples have no interval of 95 %: theirs reaches from the smallest to the largest.
    """
    ordered = sorted(samples)
    rank = _rank(len(ordered), confidence)
    return Interval(float(ordered[rank - 1]), statistics.median(ordered), float(ordered[-rank]))


def ratio_interval(rounds: Sequence[Sequence[int]], baseline: Sequence[Sequence[int]]) -> Interval:
    """The median of a round as a multiple of that of the same round of `baseline`: median and interval over rounds."""
    return median_interval(
        [statistics.median(one) / statistics.median(other) for one, other in zip(rounds, baseline, strict=True)]
    )


def drift(samples: Sequence[float]) -> float:
    """The relative change from the median of the first tenth of `samples` to that of the last, in the order of time."""
    tenth = max(len(samples) // 10, 1)
    return statistics.median(samples[-tenth:]) / statistics.median(samples[:tenth]) - 1


def p_value_greater(ones: Sequence[float], others: Sequence[float]) -> float:
    """The one-sided p-value that `ones` are greater than `others`: 1 / 924 where all 6 are above all 6.

    The exact test of H. B. Mann and D. R. Whitney, Annals of Mathematical Statistics 18 (1947). It uses only the
    order, so that a single disturbed process does not decide the result. Ties count half.
    """
    above = math.floor(sum((one > other) + (one == other) / 2 for one in ones for other in others))
    counts = _orders(len(ones), len(others))
    return sum(counts[above:]) / sum(counts)


@cache
def _orders(count: int, others: int) -> tuple[int, ...]:
    """Item u: in how many orders of `count` and `others` samples exactly u pairs have the first above the second."""
    if not count or not others:
        return (1,)
    # The highest sample is one of `count` and above all others, or it is one of `others` and above none.
    highest, lower = _orders(count - 1, others), _orders(count, others - 1)
    found = [0] * (count * others + 1)
    for pairs, orders in enumerate(highest):
        found[pairs + others] += orders
    for pairs, orders in enumerate(lower):
        found[pairs] += orders
    return tuple(found)


def _rank(count: int, confidence: float) -> int:
    """The largest j, at least 1, whose interval of the j-th smallest to the j-th largest has `confidence`."""
    most = (1 - confidence) / 2
    if count > _LARGE:
        quantile = statistics.NormalDist().inv_cdf(1 - most)
        return math.floor((count - quantile * math.sqrt(count)) / 2)
    rank, below = 0, 0
    while rank < count and below + math.comb(count, rank) <= most * 2**count:
        below += math.comb(count, rank)
        rank += 1
    return max(rank, 1)
