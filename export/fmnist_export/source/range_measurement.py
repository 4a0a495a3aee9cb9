"""The range of pixels found by asking: which of the usual ones makes the model right, on images that it is for.

Accuracy decides, and the loss where accuracy can't: a network without biases answers alike at every scale, and only
its loss tells. A loss alone would mislead: where the last layer is a sigmoid for each class, a second softmax or a
relu, it is lowest where everything saturates. Where neither decides, or a range that is none of the usual ones would do
better, nothing is assumed and the range must be stated.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmnist_export.source import chance
from fmnist_runtime.data.fashion_mnist_files import Split
from fmnist_runtime.errors import ExportError
from fmnist_runtime.images.pixel_range import PixelRange

Ask = Callable[[PixelRange, NDArray[np.uint8]], NDArray[np.float32]]

_IMAGES = 2_000
# Asked of the ranges that the first images leave close together.
_MORE_IMAGES = 20_000
# Differences in what is right of fewer standard errors than this may be luck; what is not worse, likewise.
_CLEAR = 4.0
_NOT_WORSE = -2.0
# A loss must be lower by such a share, and by so many standard errors: a few confident mistakes make it up.
_LOWER = 0.05
_CLEARLY_LOWER = 2.0
# Contrast and brightness, as shares of the range, that show whether a model is at its best at the range found.
_NEIGHBOURS = ((0.5, 0.0), (0.8, 0.0), (1.25, 0.0), (2.0, 0.0), (1.0, 0.1), (1.0, -0.1))
# Where such a neighbour has so much more right, or about as much and such a share less loss, the true range is none of
# the usual ones. Models at the range that they were trained on gained at most 0.02 and 0.09; at a wrong one, 0.08 or
# 0.3 and more.
_MORE_RIGHT = 0.03
_LESS_LOSS = 0.25
# Of what is nearly always right, more contrast always lowers the little loss that is left.
_LEAST_LESS = 0.1
# The highest probability of a second softmax over ten classes is e / (e + 9) = 0.23: such a loss says little.
_PROPER = 0.5
_TINY = 1e-12


@dataclass(frozen=True)
class Score:
    """How a model does with one range: `right`, (N,) bool, and `losses`, (N,), None where its loss says little."""

    pixels: PixelRange
    right: NDArray[np.bool_]
    losses: NDArray[np.float64] | None

    @property
    def accuracy(self) -> float:
        """The share of the images that are right."""
        return float(self.right.mean())

    def beats(self, other: "Score") -> bool:
        """Whether this range is clearly better: by what is right, or by the loss, and not worse by the other."""
        right = _standard_errors(self.right.astype(np.float64) - other.right)
        if right >= _CLEAR:
            return not other._has_clearly_lower_loss(self)
        return right > _NOT_WORSE and self._has_clearly_lower_loss(other)

    def is_as_bad_as_guessing(self, labels: NDArray[np.uint8]) -> bool:
        """Whether the loss is that of always naming the most frequent of `labels`: everything saturates."""
        return self.losses is not None and bool(self.losses.mean() >= -math.log(chance.of(labels)))

    def is_same(self, other: "Score") -> bool:
        """Whether the model gives the same answers with the same losses."""
        if self.losses is None or other.losses is None or not np.array_equal(self.right, other.right):
            return False
        return bool(np.allclose(self.losses, other.losses, rtol=1e-3, atol=1e-4))

    def _has_clearly_lower_loss(self, other: "Score") -> bool:
        if self.losses is None or other.losses is None:
            return False
        lower = self.losses.mean() < (1 - _LOWER) * other.losses.mean()
        return bool(lower and _standard_errors(other.losses - self.losses) >= _CLEARLY_LOWER)


def usual(training: Split) -> list[PixelRange]:
    """The ranges that people use, the standardized one by the mean and deviation of `training`; and each inverted."""
    shares = sample(training, _MORE_IMAGES).images.astype(np.float32) / 255
    mean, std = float(shares.mean()), max(float(shares.std()), 1e-3)
    ranges = [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), (-0.5, 0.5), (-mean / std, (1 - mean) / std)]
    return [PixelRange(*ends, "measured") for low, high in ranges for ends in ((low, high), (high, low))]


def sample(training: Split, count: int) -> Split:
    """`count` images from all over `training`, or all of fewer: files may hold them class by class."""
    step = max(1, len(training.images) // count)
    return Split(training.images[::step][:count], training.labels[::step][:count])


def find(ask: Ask, training: Split, candidates: Sequence[PixelRange]) -> PixelRange:
    """The one of `candidates` with which a model clearly answers the `training` images best.

    `ask` gives the model's outputs, (N, classes), to images, (N, H, W) uint8, with a range. Raises ExportError, which
    names --pixels and --data, where none is clearly best or the best is near chance.
    """
    first = sample(training, _IMAGES)
    scores = _distinct([_score(ask, pixels, first) for pixels in candidates])
    best = max(scores, key=lambda score: score.accuracy)
    if not chance.is_clearly_above(best.accuracy, first.labels):
        raise ExportError(
            f"the model is right on {best.accuracy:.3f} of {len(first.labels):,} training images at best "
            f"({_table(scores)}; {chance.of(first.labels):.3f} is chance); it may be for other images: name them with "
            f"--data DIR and --labels FILE, or state what its pixels are with --pixels LOW..HIGH"
        )
    credible = [score for score in scores if not score.is_as_bad_as_guessing(first.labels)]
    winner = _winner(credible) or _winner(_asked_more(ask, training, credible or scores))
    if winner is None:
        raise ExportError(
            f"what the model's pixels are cannot be told: two ranges do about as well on training images "
            f"({_table(scores)}); state it with --pixels LOW..HIGH, or name the images with --data DIR"
        )
    _check_credible(ask, winner, first)
    return winner.pixels._replace(
        reason=f"measured on {len(winner.right):,} training images: accuracy {_table(scores)}"
    )


def _distinct(scores: Sequence[Score]) -> list[Score]:
    """`scores` without those of ranges that make no difference to the model, which normalizes each image itself."""
    kept: list[Score] = []
    for score in scores:
        if not any(score.is_same(other) for other in kept):
            kept.append(score)
    return kept


def _asked_more(ask: Ask, training: Split, scores: Sequence[Score]) -> list[Score]:
    """The ranges that the most accurate of `scores` does not beat, and itself, with more images."""
    best = max(scores, key=lambda score: score.accuracy)
    more = sample(training, _MORE_IMAGES)
    return [_score(ask, score.pixels, more) for score in scores if score is best or not best.beats(score)]


def _winner(scores: Sequence[Score]) -> Score | None:
    """The one of `scores` that beats all others."""
    return next((one for one in scores if all(one.beats(other) for other in scores if other is not one)), None)


def _check_credible(ask: Ask, winner: Score, images: Split) -> None:
    """Refuse a range that is best of the usual ones and still not the one that the model was trained on."""
    winner = _score(ask, winner.pixels, images)
    way_out = "state it with --pixels LOW..HIGH or --mean M --std S"
    found = f"{winner.pixels.low:g}..{winner.pixels.high:g}"
    if winner.is_as_bad_as_guessing(images.labels):
        raise ExportError(
            f"what the model's pixels are cannot be told: of the usual ranges {found} does best, and its loss on "
            f"training images is as bad as guessing; {way_out}"
        )
    for contrast, brightness in _NEIGHBOURS:
        low = winner.pixels.low + brightness * (winner.pixels.high - winner.pixels.low)
        near = _score(ask, PixelRange(low, low + contrast * (winner.pixels.high - winner.pixels.low), ""), images)
        if _is_much_better(near, winner):
            raise ExportError(
                f"what the model's pixels are cannot be told: of the usual ranges {found} does best "
                f"({winner.accuracy:.3f} of training images right), and {near.pixels.low:.3g}..{near.pixels.high:.3g} "
                f"does better ({near.accuracy:.3f}); {way_out}"
            )


def _is_much_better(near: Score, winner: Score) -> bool:
    gain = near.accuracy - winner.accuracy
    if gain >= _MORE_RIGHT:
        return True
    if near.losses is None or winner.losses is None or gain <= -_MORE_RIGHT:
        return False
    less = float(winner.losses.mean() - near.losses.mean())
    return less >= max(_LESS_LOSS * float(winner.losses.mean()), _LEAST_LESS)


def _score(ask: Ask, pixels: PixelRange, images: Split) -> Score:
    outputs = ask(pixels, images.images).astype(np.float64)
    return Score(pixels, outputs.argmax(axis=1) == images.labels, _losses(outputs, images.labels))


def _losses(outputs: NDArray[np.float64], labels: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """The cross-entropy of each image where `outputs`, (N, classes), are probabilities or logits; else None."""
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
    """The mean of paired `differences`, (N,), in its standard errors."""
    error = float(differences.std()) / np.sqrt(len(differences))
    mean = float(differences.mean())
    return mean / error if error > 0 else float(np.sign(mean)) * np.inf if mean else 0.0


def _table(scores: Sequence[Score]) -> str:
    ranked = sorted(scores, key=lambda score: -score.accuracy)[:3]
    return ", ".join(f"{one.accuracy:.3f} at {one.pixels.low:g}..{one.pixels.high:g}" for one in ranked)
