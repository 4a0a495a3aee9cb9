"""The figure of fmnist-benchmark: how latencies are distributed, and how they went over the time of the run."""

import io
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fmnist_benchmarks import machine
from fmnist_benchmarks.benchmark import Samples, Subject
from fmnist_benchmarks.measuring import CLASSIFY
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.files import write_atomically

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
        seconds, microseconds = _over_time(one)
        times.plot(seconds, microseconds, ".", markersize=1.5, color=colour, alpha=0.5)
        for process, start in enumerate(_starts(one)):
            times.axvline(start, color="0.85", linewidth=0.8, zorder=0, label="a fresh process" if not process else "")
    shares.set(xscale="log", xlabel="latency of one classify, µs (log)", ylabel="share of calls", ylim=(0, 1.01))
    times.set(yscale="log", xlabel="seconds since the first call (grey: fresh processes)", ylabel="latency, µs (log)")
    shares.grid(alpha=0.3)
    shares.legend(fontsize=8, loc="lower right")
    figure.suptitle(title(facts), fontsize=8)
    return figure


def _over_time(samples: Samples) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """When each call began, roughly (a block's start and what its calls took), and how long it took."""
    at = np.concatenate(
        [start + np.cumsum(block[CLASSIFY]) / 1e9 for start, block in zip(samples.at, samples.blocks, strict=True)]
    )
    took = np.array(samples.all(CLASSIFY)) / 1000
    step = max(len(at) // _POINTS, 1)
    # The slowest of each step, so that no outlier is thinned away.
    count = len(at) // step
    slowest = took[: count * step].reshape(count, step).argmax(axis=1) + np.arange(count) * step
    return at[slowest] - samples.at[0], took[slowest]


def _starts(samples: Samples) -> list[float]:
    return [
        at - samples.at[0]
        for number, at in enumerate(samples.at)
        if not number or samples.rounds[number] != samples.rounds[number - 1]
    ]
