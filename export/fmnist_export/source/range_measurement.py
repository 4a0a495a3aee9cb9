"""The pixel range of a model, measured: which of the usual ranges makes it right on images that it was trained for.

Accuracy decides, and the loss where accuracy cannot: a network without biases gives the same classes at every scale,
and only its loss differs. A loss alone would mislead: where the last layer is a sigmoid for each class, a second
softmax or a relu, the loss is lowest where every output saturates. Where neither decides, or where an unusual range
would do better, nothing is assumed and the user must state the range.
"""

from collections.abc import Sequence

import numpy as np

from fmnist_export.source import chance_level
from fmnist_export.source.range_score import Predict, Score, score
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import ExportError
from fmnist_runtime.images.pixel_range import PixelRange

_IMAGES = 2_000
# Used for the ranges that the first images cannot tell apart.
_MORE_IMAGES = 20_000
# Contrast and brightness, as shares of the range, that show whether a model does best at the measured range.
_NEIGHBOURS = ((0.5, 0.0), (0.8, 0.0), (1.25, 0.0), (2.0, 0.0), (1.0, 0.1), (1.0, -0.1))
# Where such a neighbour has this much more accuracy, or about the same accuracy and this share less loss, the true
# range is an unusual one. Models at the range of their training gained at most 0.02 and 0.09; at a wrong range 0.08 or
# 0.3 and more.
_MORE_RIGHT = 0.03
_LESS_LOSS = 0.25
# Where a model is nearly always right, more contrast always lowers the small remaining loss.
_LEAST_LESS = 0.1


def usual_ranges(training: Split) -> list[PixelRange]:
    """The usual ranges and their inverses; one of them standardizes by the mean and deviation of `training`."""
    shares = sample(training, _MORE_IMAGES).images.astype(np.float32) / 255
    mean, std = float(shares.mean()), max(float(shares.std()), 1e-3)
    ranges = [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), (-0.5, 0.5), (-mean / std, (1 - mean) / std)]
    return [PixelRange(*ends, "measured") for low, high in ranges for ends in ((low, high), (high, low))]


def sample(training: Split, count: int) -> Split:
    """`count` images spread over `training`, or all where it has fewer: files may be sorted by class."""
    step = max(1, len(training.images) // count)
    return Split(training.images[::step][:count], training.labels[::step][:count])


def measure(predict: Predict, training: Split, candidates: Sequence[PixelRange]) -> PixelRange:
    """The one of `candidates` with which a model clearly does best on the `training` images.

    `predict` returns the model's outputs, (N, classes) float32, for a range and images, (N, H, W) uint8. Raises
    ExportError, which names --pixels and --data, where no range is clearly best or the best one is near chance.
    """
    first = sample(training, _IMAGES)
    scores = _without_equals([score(predict, pixels, first) for pixels in candidates])
    best = max(scores, key=lambda one: one.accuracy)
    if not chance_level.is_clearly_exceeded(best.accuracy, first.labels):
        raise ExportError(
            f"the model is right on at most {best.accuracy:.3f} of {len(first.labels):,} training images "
            f"({_table(scores)}; {chance_level.accuracy(first.labels):.3f} is chance); it may be for other images: "
            f"give them with --data DIR and --labels FILE, or state its pixel range with --pixels LOW..HIGH"
        )
    credible = [one for one in scores if not one.is_as_bad_as_guessing(first.labels)]
    winner = _winner(credible) or _winner(_scores_on_more_images(predict, training, credible or scores))
    if winner is None:
        raise ExportError(
            f"the model's pixel range cannot be determined: two ranges do about equally well on training images "
            f"({_table(scores)}); state it with --pixels LOW..HIGH, or give the model's images with --data DIR"
        )
    _check_credible(predict, winner, first)
    return winner.pixels._replace(
        reason=f"measured on {len(winner.right):,} training images: accuracy {_table(scores)}"
    )


def _without_equals(scores: Sequence[Score]) -> list[Score]:
    """`scores` without repeated results: a model that normalizes each image gives the same ones at several ranges."""
    different: list[Score] = []
    for one in scores:
        if not any(one.is_same(other) for other in different):
            different.append(one)
    return different


def _scores_on_more_images(predict: Predict, training: Split, scores: Sequence[Score]) -> list[Score]:
    """New scores on more images, of the most accurate of `scores` and of those that it does not clearly beat."""
    best = max(scores, key=lambda one: one.accuracy)
    more = sample(training, _MORE_IMAGES)
    return [score(predict, one.pixels, more) for one in scores if one is best or not best.beats(one)]


def _winner(scores: Sequence[Score]) -> Score | None:
    """The one of `scores` that beats all others."""
    return next((one for one in scores if all(one.beats(other) for other in scores if other is not one)), None)


def _check_credible(predict: Predict, winner: Score, images: Split) -> None:
    """Refuse the best of the usual ranges where an unusual one does better: the model was trained on another."""
    winner = score(predict, winner.pixels, images)
    way_out = "state it with --pixels LOW..HIGH or --mean M --std S"
    found = f"{winner.pixels.low:g}..{winner.pixels.high:g}"
    if winner.is_as_bad_as_guessing(images.labels):
        raise ExportError(
            f"the model's pixel range cannot be determined: of the usual ranges {found} does best, but its loss on "
            f"training images is no better than guessing; {way_out}"
        )
    for contrast, brightness in _NEIGHBOURS:
        low = winner.pixels.low + brightness * (winner.pixels.high - winner.pixels.low)
        near = score(predict, PixelRange(low, low + contrast * (winner.pixels.high - winner.pixels.low), ""), images)
        if _is_much_better(near, winner):
            raise ExportError(
                f"the model's pixel range cannot be determined: of the usual ranges {found} does best "
                f"({winner.accuracy:.3f} of training images right), but {near.pixels.low:.3g}..{near.pixels.high:.3g} "
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


def _table(scores: Sequence[Score]) -> str:
    ranked = sorted(scores, key=lambda one: -one.accuracy)[:3]
    return ", ".join(f"{one.accuracy:.3f} at {one.pixels.low:g}..{one.pixels.high:g}" for one in ranked)
