"""Validation of the mirrored model of a training with --mirror, on the held-out images."""

from typing import NamedTuple

import keras
import numpy as np

from fmnist_keras import copies
from fmnist_runtime.data.dataset import Split
from fmnist_train.models.mirroring import mirrored
from fmnist_train.models.normalization import rebuilt
from fmnist_train.training.results import metrics, predict


class MirroredValidation(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Adds val_loss and val_accuracy of the mirrored model to the numbers of each epoch, for later callbacks."""

    def __init__(self, held_out: Split) -> None:
        super().__init__()
        self._held_out = held_out
        self._copy: keras.Model | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Evaluate a mirrored copy, which is built once and gets the state of the model each time."""
        if self._copy is None:
            self._copy = mirrored(rebuilt(self.model))
        else:
            copies.transfer_state(self.model, self._copy)
        if logs is not None:
            logs.update(metrics("val", predict(self._copy, self._held_out), self._held_out))


class MirrorComparison(NamedTuple):
    """The accuracies of a mirrored model and of the model that it was made from.

    `is_clearly_worse`: mirroring loses more images than chance would, at two standard deviations of the number of
    images on which the two models differ (McNemar 1947).
    """

    mirrored: float
    unmirrored: float
    is_clearly_worse: bool


def compare(mirrored_model: keras.Model, unmirrored: keras.Model, held_out: Split) -> MirrorComparison:
    """Compare a mirrored model with the `unmirrored` one that it was made from, on the images of `held_out`."""
    right = [predict(model, held_out).argmax(axis=1) == held_out.labels for model in (mirrored_model, unmirrored)]
    won, lost = int(np.sum(right[0] & ~right[1])), int(np.sum(right[1] & ~right[0]))
    worse = lost - won > 2 * (won + lost) ** 0.5
    return MirrorComparison(float(right[0].mean()), float(right[1].mean()), worse)
