"""What one sees of a training while it runs."""

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np


class ProgressBar(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Keras's progress bar, counting the epochs of the whole training; one line an epoch where there is no terminal."""

    def __init__(self, epochs: int, steps: int, say: Callable[[str], None]) -> None:
        super().__init__()
        self._epochs, self._steps, self._say = epochs, steps, say
        self._bar: keras.utils.Progbar | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start a bar on a terminal."""
        if sys.stdout.isatty():
            self._say(f"Epoch {epoch + 1}/{self._epochs}")
            self._bar = keras.utils.Progbar(self._steps, stateful_metrics=["accuracy", "loss"])

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move the bar."""
        if self._bar is not None and batch + 1 < self._steps:
            self._bar.update(batch + 1, _numbers(logs))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Finish the bar, or print the epoch's line."""
        if self._bar is not None:
            self._bar.update(self._steps, _numbers(logs), finalize=True)
            self._bar = None
            return
        results = ", ".join(f"{name} {value:.4f}" for name, value in _numbers(logs))
        self._say(f"Epoch {epoch + 1}/{self._epochs}: {results}")


def _numbers(logs: dict[str, Any] | None) -> list[tuple[str, float]]:
    """What was measured, without what a metric of a person's own gives for each class."""
    return [(name, float(value)) for name, value in (logs or {}).items() if np.ndim(value) == 0]
