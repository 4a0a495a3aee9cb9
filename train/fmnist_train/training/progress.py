"""What a training prints while it runs."""

import os
import sys
from typing import Any

import click
import keras
import numpy as np


def say(text: str) -> None:
    """Print a line. Where its reader (such as `head`) is gone, go on: a training is worth more than its lines."""
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class ProgressBar(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Keras's progress bar, which counts the epochs of the whole training; without a terminal, one line an epoch."""

    def __init__(self, epochs: int, steps: int) -> None:
        super().__init__()
        self._epochs, self._steps = epochs, steps
        self._bar: keras.utils.Progbar | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start a bar on a terminal."""
        if sys.stdout.isatty():
            say(f"Epoch {epoch + 1}/{self._epochs}")
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
        say(f"Epoch {epoch + 1}/{self._epochs}: {results}")


def _numbers(logs: dict[str, Any] | None) -> list[tuple[str, float]]:
    """The name and value of each number in `logs`; a metric of a person's own may give one for each class instead."""
    return [(name, float(value)) for name, value in (logs or {}).items() if np.ndim(value) == 0]
