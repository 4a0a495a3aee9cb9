"""How well a model does with one candidate for its pixel range: accuracy and loss on images of its data set."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmnist_export.source import chance_level
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.images.pixel_range import PixelRange

Predict = Callable[[PixelRange, NDArray[np.uint8]], NDArray[np.float32]]

# A difference in accuracy is clear from this many standard errors on; above the second one a range is not worse.
_CLEAR = 4.0
_NOT_WORSE = -2.0
# A loss must be lower by this share and by this many standard errors: a few confident mistakes dominate it.
_LOWER = 0.05
_CLEARLY_LOWER = 2.0
# The highest probability of a second softmax over ten classes is e / (e + 9) = 0.23: its loss tells little.
_PROPER = 0.5
_TINY = 1e-12


@dataclass(frozen=True)
class Score:
    """A model's result with one range: `right`, (N,) bool, and `losses`, (N,); None where the loss tells little."""

    pixels: PixelRange
    right: NDArray[np.bool_]
    losses: NDArray[np.float64] | None

    @property
    def accuracy(self) -> float:
        """The share of the images on which the model is right."""
        return float(self.right.mean())

    def beats(self, other: "Score") -> bool:
        """Whether this range is clearly better in accuracy or in loss, and not worse in the other."""
        right = _standard_errors(self.right.astype(np.float64) - other.right)
        if right >= _CLEAR:
            return not other._has_clearly_lower_loss(self)
        return right > _NOT_WORSE and self._has_clearly_lower_loss(other)

    def is_as_bad_as_guessing(self, labels: NDArray[np.uint8]) -> bool:
        """Whether the loss is no better than that of always guessing the most frequent of `labels`: it saturates."""
        return self.losses is not None and bool(self.losses.mean() >= -math.log(chance_level.accuracy(labels)))

    def is_same(self, other: "Score") -> bool:
        """Whether the model gives the same classes with the same losses."""
        if self.losses is None or other.losses is None or not np.array_equal(self.right, other.right):
            return False
        return bool(np.allclose(self.losses, other.losses, rtol=1e-3, atol=1e-4))

    def _has_clearly_lower_loss(self, other: "Score") -> bool:
        if self.losses is None or other.losses is None:
            return False
        lower = self.losses.mean() < (1 - _LOWER) * other.losses.mean()
        return bool(lower and _standard_errors(other.losses - self.losses) >= _CLEARLY_LOWER)


def score(predict: Predict, pixels: PixelRange, images: Split) -> Score:
    """The score of `pixels` on `images`, from the model's outputs (see range_measurement.measure)."""
    outputs = predict(pixels, images.images).astype(np.float64)
    return Score(pixels, outputs.argmax(axis=1) == images.labels, _losses(outputs, images.labels))


def _losses(outputs: NDArray[np.float64], labels: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """The cross-entropy of each image, (N,), where `outputs`, (N, classes), are probabilities or logits; else None."""
    if not np.isfinite(outputs).all():
        return None
    rows = np.arange(len(labels))
    if (outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
        return -np.log(np.maximum(outputs[rows, labels], _TINY)) if outputs.max() > _PROPER else None
    if outputs.min() >= 0:
        return None
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, labels]
    return result


def _standard_errors(differences: NDArray[np.float64]) -> float:
    """The mean of paired `differences`, (N,), in units of its standard error."""
    error = float(differences.std()) / np.sqrt(len(differences))
    mean = float(differences.mean())
    return mean / error if error > 0 else float(np.sign(mean)) * np.inf if mean else 0.0
