"""The figure of fmnist-benchmark: how latencies are distributed, and how they went over the time of the run."""

import io
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.measure import machine
from fmnist_benchmarks.measure.rounds import Samples, Subject
from fmnist_benchmarks.measure.worker import CLASSIFY
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system.atomic import write_atomically

# Enough points for an eye, and few enough for a small file.
_POINTS = 3000


def pyplot() -> Any:
    """matplotlib.pyplot without a window. Raises FmnistError where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError as error:
        raise FmnistError("matplotlib is not installed; run: pip install 'fmnist-edge[plot]'") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot as module

    return module


def save(path: Path, figure: Any) -> None:
    """Write `figure` as PNG and close it. Raises FmnistError where `path` cannot be written."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    pyplot().close(figure)
    write_atomically(path, content.getvalue())


def title(facts: dict[str, Any], *more: str) -> str:
    """The machine's facts, and more, as a figure's title of a few lines."""
    return textwrap.fill("; ".join([machine.title(facts), *more]), 120)


def draw(samples: Mapping[Subject, Samples], facts: dict[str, Any]) -> Any:
    """The figure: on the left the share of calls that took at most so long, on the right latency over time."""
    figure, (shares, times) = pyplot().subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for number, (subject, one) in enumerate(samples.items()):
        colour, label = f"C{number}", f"{subject.title}\n{subject.backend} {subject.version}"
        ordered = np.sort(np.array(one.all(CLASSIFY))) / 1000
        shares.plot(ordered, np.arange(1, len(ordered) + 1) / len(ordered), color=colour, label=label)
        calls, microseconds = _slowest(np.array(one.all(CLASSIFY)) / 1000)
        times.plot(calls, microseconds, ".", markersize=1.5, color=colour, alpha=0.5)
    for start in _starts(next(iter(samples.values()))):
        times.axvline(start, color="0.85", linewidth=0.8, zorder=0)
    shares.set(xscale="log", xlabel="latency of one classify, µs (log)", ylabel="share of calls", ylim=(0, 1.01))
    times.set(yscale="log", xlabel="calls in the order of time (grey: fresh processes)", ylabel="latency, µs (log)")
    shares.grid(alpha=0.3)
    shares.legend(fontsize=8, loc="lower right")
    figure.suptitle(title(facts), fontsize=8)
    return figure


def _slowest(took: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The slowest of each few calls, so that an eye sees every outlier and the file stays small: numbers and times."""
    step = max(len(took) // _POINTS, 1)
    count = len(took) // step
    numbers = took[: count * step].reshape(count, step).argmax(axis=1) + np.arange(count) * step
    return numbers, took[numbers]


def _starts(samples: Samples) -> list[int]:
    """The number of the first call of each process."""
    return [sum(len(samples.of_round(CLASSIFY, one)) for one in range(number)) for number in set(samples.rounds)]
