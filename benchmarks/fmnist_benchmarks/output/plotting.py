"""The figure of fmnist-benchmark, and what every figure of the benchmarks needs.

The figure shows how latencies are distributed, and how they went over the time of the run.
"""

import io
import itertools
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.measure import machine
from fmnist_benchmarks.measure.rounds import Samples
from fmnist_benchmarks.measure.subject import Subject
from fmnist_benchmarks.measure.worker import CLASSIFY
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system.atomic import write_atomically

# Enough points for an eye, and few enough for a small file.
_POINTS = 3000
# A single preempted call takes a thousand times the median and would squeeze the rest into a corner.
_CUT = 0.999


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
    """The facts of the machine, and more, as a figure's title of a few lines."""
    return textwrap.fill("; ".join([machine.title(facts), *more]), 120, break_on_hyphens=False)


def draw(samples: Mapping[Subject, Samples], facts: dict[str, Any]) -> Any:
    """The figure: left the share of calls that took at most so long, right latency over time; cut at the p99.9.

    The cut is the largest p99.9 of all subjects; a line below says how many calls of each lie beyond it.
    """
    figure, (shares, times) = pyplot().subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    latencies = {subject: np.array(one.all(CLASSIFY)) / 1000 for subject, one in samples.items()}
    cut = max(_p999(microseconds) for microseconds in latencies.values())
    lowest = min(microseconds.min() for microseconds in latencies.values())
    for number, (subject, microseconds) in enumerate(latencies.items()):
        colour, label = f"C{number}", f"{subject.title}\n{subject.backend} {subject.version}"
        ordered = np.sort(microseconds)
        shares.plot(ordered, np.arange(1, len(ordered) + 1) / len(ordered), color=colour, label=label)
        calls, slowest = _slowest(microseconds)
        times.plot(calls, slowest, ".", markersize=1.5, color=colour, alpha=0.5)
    for start in _starts(next(iter(samples.values()))):
        times.axvline(start, color="0.85", linewidth=0.8, zorder=0)
    shares.set(xscale="log", xlabel="latency of one classify, µs (log)", ylabel="share of calls", ylim=(0, 1.01))
    times.set(yscale="log", xlabel="calls in the order of time (grey: fresh processes)", ylabel="latency, µs (log)")
    shares.set_xlim(lowest * 0.97, cut * 1.03)
    times.set_ylim(lowest * 0.97, cut * 1.03)
    for axis in (shares.xaxis, times.yaxis):
        _label_plainly(axis, cut / lowest)
    shares.grid(alpha=0.3, which="both")
    shares.legend(fontsize=8)
    figure.suptitle(title(facts), fontsize=8)
    figure.supxlabel(textwrap.fill(beyond(latencies, cut), 150, break_on_hyphens=False), fontsize=8, color="0.35")
    return figure


def beyond(latencies: Mapping[Subject, NDArray[np.float64]], cut: float) -> str:
    """How many of `latencies`, microseconds, lie beyond `cut`, and the slowest, in one line."""
    parts = [
        f"{int((one > cut).sum()):,} of {len(one):,} calls of {subject.title} lie beyond (slowest {one.max():,.0f} µs)"
        for subject, one in latencies.items()
        if (one > cut).any()
    ]
    return f"Cut at the p99.9, {cut:,.1f} µs: {'; '.join(parts) or 'no call lies beyond'}."


def _p999(microseconds: NDArray[np.float64]) -> float:
    """The p99.9, as a sample (latency.summarize does likewise)."""
    return float(np.sort(microseconds)[round(_CUT * (len(microseconds) - 1))])


def _label_plainly(axis: Any, span: float) -> None:
    """Plain numbers (20, 50) on a logarithmic `axis` from x to `span` times x, which may hold no power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    subs = (1, 1.2, 1.5, 2, 3, 4, 5, 6, 7, 8, 9) if span < 10 else (1, 2, 5) if span < 1000 else (1,)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())


def _slowest(microseconds: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The slowest of each few calls, so that outliers are seen and the file stays small: their numbers and times."""
    step = max(len(microseconds) // _POINTS, 1)
    count = len(microseconds) // step
    numbers = microseconds[: count * step].reshape(count, step).argmax(axis=1) + np.arange(count) * step
    return numbers, microseconds[numbers]


def _starts(samples: Samples) -> Sequence[int]:
    """The number of the first call of each process."""
    calls = [len(process.nanoseconds[CLASSIFY]) for process in samples.processes]
    return [0, *itertools.accumulate(calls[:-1])]
