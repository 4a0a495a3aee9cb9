"""The calibration of a model's scores: its reliability diagram and its expected calibration error (ECE).

Images are sorted by their score, the probability of the predicted class, into M bins of equal width; the m-th bin is
((m - 1) / M, m / M]. With B_m the images in it and n the number of all images,

    ECE = sum over m of |B_m| / n * |acc(B_m) - conf(B_m)|

where acc is the share of right predictions and conf the mean score. Source: C. Guo, G. Pleiss, Y. Sun, K. Q.
Weinberger, On Calibration of Modern Neural Networks, ICML 2017 (arXiv 1706.04599), equations 2 and 3, with M = 15.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True)
class Bin:
    """The images whose score is above `low` and at most `high`: their number, mean score and accuracy.

    `confidence`, the mean score, and `accuracy` are None where there is no image.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


def reliability(scores: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> list[Bin]:
    """The bins of `scores`, (N,) from 0 to 1; `right`, (N,), says which predictions are right."""
    # A score of 0 belongs to the first bin, as there is no lower one.
    numbers = np.clip(np.ceil(scores * bins).astype(int) - 1, 0, bins - 1)
    result = []
    for number in range(bins):
        inside = numbers == number
        count = int(inside.sum())
        confidence = float(scores[inside].mean()) if count else None
        accuracy = float(right[inside].mean()) if count else None
        result.append(Bin(number / bins, (number + 1) / bins, count, confidence, accuracy))
    return result


def expected_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error of `bins`, 0 to 1."""
    images = sum(one.count for one in bins)
    gaps = [
        one.count * abs(one.accuracy - one.confidence)
        for one in bins
        if one.accuracy is not None and one.confidence is not None
    ]
    return sum(gaps) / images
