"""What a median of samples is worth: its interval, the drift over a run, and a ratio of two that ran in turns.

An interval of the median takes nothing but the order of the samples: between the j-th smallest and the j-th largest of
n, the true median lies with the probability that a fair coin falls heads between j and n - j times in n throws.
Source: H. A. David and H. N. Nagaraja, Order Statistics, 3rd edition, section 7.1. It takes the samples for
independent; neighbouring calls are not quite, so what is compared between two runs are whole processes.
"""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

CONFIDENCE = 0.95
# From here on the binomial distribution is taken for a normal one, which moves a rank by one at most.
_LARGE = 1000


class Interval(NamedTuple):
    """A median with the ends of its interval."""

    low: float
    middle: float
    high: float

    def overlaps(self, other: "Interval") -> bool:
        """Whether the two share a value."""
        return self.low <= other.high and other.low <= self.high


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
