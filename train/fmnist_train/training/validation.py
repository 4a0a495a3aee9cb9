"""The held-out images of a training that ends in a model that looks at mirror images: what is written is validated."""

from typing import NamedTuple

import keras
import numpy as np

from fmnist_keras import copies
from fmnist_runtime.data.fashion_mnist_files import Split
from fmnist_train.models.mirroring import mirrored
from fmnist_train.models.normalization import rebuilt
from fmnist_train.training.results import answers, figures_of


class MirroredValidation(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Adds val_loss and val_accuracy of the mirrored model to each epoch's numbers, for the callbacks behind it."""

    def __init__(self, held_out: Split) -> None:
        super().__init__()
        self._held_out = held_out
        self._copy: keras.Model | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Ask the mirrored copy, which is built once and gets the model's state each time."""
        if self._copy is None:
            self._copy = mirrored(rebuilt(self.model))
        else:
            copies.transfer_state(self.model, self._copy)
        if logs is not None:
            logs.update(figures_of("val", answers(self._copy, self._held_out), self._held_out))


class Comparison(NamedTuple):
    """Shares of the held-out images on which a model is right, looking twice and once.

    `clearly_worse`: looking twice loses more images than chance would, at two standard deviations of the images on
    which the two differ (McNemar 1947).
    """

    twice: float
    once: float
    clearly_worse: bool


def compare(twice: keras.Model, once: keras.Model, held_out: Split) -> Comparison:
    """The mirrored model `twice` beside `once`, which it was made from, on the images of `held_out`."""
    right = [answers(model, held_out).argmax(axis=1) == held_out.labels for model in (twice, once)]
    won, lost = int(np.sum(right[0] & ~right[1])), int(np.sum(right[1] & ~right[0]))
    worse = lost - won > 2 * (won + lost) ** 0.5
    return Comparison(float(right[0].mean()), float(right[1].mean()), worse)
