"""The numbers of the report: agreement with its interval, by class, and the drift of the scores. No HTML here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Classes = NDArray[np.intp]

# The 0.975 quantile of the normal distribution: 95 % lie between it and its negative.
_Z = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """`count` of `total`, with the 95 % Wilson interval for the underlying probability."""

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share; NaN where `total` is 0."""
        return self.count / self.total if self.total else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper limit.

        Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927). Unlike the
        usual value +- 1.96 standard errors it is right near 0 and 1, where agreement is.
        """
        if not self.total:
            return 0.0, 1.0
        square = _Z**2 / self.total
        centre = self.value + square / 2
        spread = _Z * np.sqrt(self.value * (1 - self.value) / self.total + square / (4 * self.total))
        low, high = (centre - spread) / (1 + square), (centre + spread) / (1 + square)
        # Exactly 0 and 1 at the ends, where rounding would leave 1e-17.
        return (0.0 if self.count == 0 else float(low)), (1.0 if self.count == self.total else float(high))


@dataclass(frozen=True)
class Drift:
    """The change of the highest score, file minus Keras, over all images: `differences` (N,) float64.

    `mean` is signed: below 0 the file is less confident than Keras. The others are of the absolute change.
    """

    differences: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """The mean change, signed."""
        return float(self.differences.mean())

    @property
    def median(self) -> float:
        """The median of the absolute change."""
        return float(np.median(np.abs(self.differences)))

    @property
    def p95(self) -> float:
        """The 95th percentile of the absolute change."""
        return float(np.quantile(np.abs(self.differences), 0.95))

    @property
    def largest(self) -> float:
        """The largest absolute change."""
        return float(np.abs(self.differences).max())


def drift(probabilities: Floats, keras_probabilities: Floats) -> Drift:
    """The drift of `probabilities` from Keras's, both (N, classes): of the highest one, whatever its class."""
    return Drift(probabilities.max(axis=1).astype(np.float64) - keras_probabilities.max(axis=1).astype(np.float64))


def agreement(classes: Classes, keras_probabilities: Floats) -> Share:
    """The share of images on which `classes`, (N,), have Keras's highest score, (N, classes)."""
    return _share(classes == keras_probabilities.argmax(axis=1))


def accuracy(classes: Classes, labels: NDArray[np.uint8]) -> Share:
    """The share of images on which `classes`, (N,), are the true classes `labels`, (N,)."""
    return _share(classes == labels)


def by_class(hits: NDArray[np.bool_], labels: Classes | NDArray[np.uint8], classes: int) -> list[Share]:
    """The share of `hits`, (N,), in each class of `labels`, (N,)."""
    return [_share(hits[labels == number]) for number in range(classes)]


def disagreements(classes: Classes, keras_probabilities: Floats) -> Classes:
    """The indices of the images on which `classes`, (N,), differ from Keras's, in ascending order."""
    return np.flatnonzero(classes != keras_probabilities.argmax(axis=1))


def _share(hits: NDArray[np.bool_]) -> Share:
    return Share(int(np.count_nonzero(hits)), len(hits))
