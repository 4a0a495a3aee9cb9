"""The progress of a measurement on standard error, with an estimate of the time left.

On a terminal it is one line that is written over; elsewhere a line for each round, and one every _INTERVAL_SECONDS.
"""

import math
import sys
from time import monotonic

import click

from fmnist_benchmarks.measure.rounds import Progress

_INTERVAL_SECONDS = 30.0
# Often enough to look alive, seldom enough to cost nothing.
_REDRAW_SECONDS = 0.25
_WIDTH = 79


class ProgressLine:
    """A context in which it is called with each Progress."""

    def __init__(self) -> None:
        self._started = monotonic()
        self._printed_at = -math.inf
        self._round = 0
        self._on_terminal = sys.stderr.isatty()

    def __call__(self, progress: Progress) -> None:
        """Print how far the measurement is, if it is time to."""
        now = monotonic()
        interval = _REDRAW_SECONDS if self._on_terminal else _INTERVAL_SECONDS
        if progress.round == self._round and now - self._printed_at < interval:
            return
        self._round, self._printed_at = progress.round, now
        line = describe(progress, now - self._started)
        if self._on_terminal:
            click.echo(f"\r{line:<{_WIDTH}}", nl=False, err=True)
        else:
            click.echo(line, err=True)

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the line from a terminal, so that the next text begins on an empty line."""
        if self._on_terminal and self._round:
            click.echo(f"\r{'':<{_WIDTH}}\r", nl=False, err=True)


def describe(progress: Progress, seconds: float) -> str:
    """Such as "round 2 of 6, 25 % done, about 12 s left"; `seconds` have passed since the start."""
    text = f"round {progress.round} of {progress.rounds}"
    if progress.share <= 0:
        return text
    left = seconds * (1 - progress.share) / progress.share
    return f"{text}, {100 * progress.share:.0f} % done, about {_duration(left)} left"


def _duration(seconds: float) -> str:
    """Rounded up: seconds below two minutes, else minutes."""
    return f"{math.ceil(seconds)} s" if seconds < 120 else f"{math.ceil(seconds / 60)} min"
