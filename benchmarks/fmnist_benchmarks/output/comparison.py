"""A run of fmnist-benchmark against a baseline, the JSON of an earlier run: which figures changed beyond the noise.

A figure has one value for each process of a run. It counts as changed where the processes of one run lie above those of
the other (one-sided p-value below 0.01) and the medians differ by more than the tolerance. The tolerance allows for
what affects a whole run (another job, the cooling). It is larger for tails and start-up times, which vary more.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmnist_benchmarks.measure.intervals import Interval, median_interval, p_value_greater
from fmnist_benchmarks.measure.measurement import SCHEMA
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system import reading

# Some hundred times the size of a measurement of all shipped models.
MAXIMUM_BYTES = 16 * 2**20

TOLERANCE = 0.10
_TAIL_FACTOR = 3
_P_VALUE = 0.01
_STEADY = ("invoke_us.p50", "classify_us.p50", "peak_rss_kib")
FASTER, SLOWER, SAME = "better", "WORSE", "same"
# What identifies the machine of a latency.
_MACHINE = ("board", "cpu", "cores")


@dataclass(frozen=True)
class Change:
    """A figure of a subject in the two runs; `verdict` is "better", "WORSE" or "same" (within the noise)."""

    subject: str
    figure: str
    before: Interval
    after: Interval
    verdict: str

    @property
    def share(self) -> float:
        """The relative change of the median, 0.1 for 10 % more; lower is better for every figure."""
        return self.after.middle / self.before.middle - 1


def read_baseline(path: Path) -> dict[str, Any]:
    """The baseline in `path`.

    Raises FmnistError where it is missing, larger than MAXIMUM_BYTES, damaged or of another schema.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAXIMUM_BYTES + 1)
        if len(content) > MAXIMUM_BYTES:
            raise FmnistError(
                f"{path}: more than {MAXIMUM_BYTES:,} bytes, expected what fmnist-benchmark --json printed"
            )
        document = json.loads(content)
    except OSError as error:
        raise FmnistError(
            f"{path}: cannot be read ({error.strerror}), expected a baseline; write one with fmnist-benchmark --json"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise FmnistError(f"{path}: not JSON, expected what fmnist-benchmark --json printed") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise FmnistError(
            f"{path}: schema {ascii(schema)[:60]}, expected {SCHEMA}; measure the baseline again with --json"
        )
    try:
        _check(document)
    except Exception as error:  # a value of another type can raise anything
        raise FmnistError(
            f"{path}: its results are incomplete ({type(error).__name__}: {reading.error_text(error)}); "
            f"measure the baseline again"
        ) from error
    return {**document, "path": str(path)}


def check_machine(baseline: dict[str, Any], facts: dict[str, Any]) -> None:
    """Raise FmnistError where the baseline is of another machine, which makes the comparison meaningless."""
    then, now = ([one[name] for name in _MACHINE] for one in (baseline["machine"], facts))
    if then != now:
        there, here = (", ".join(str(part) for part in one if part) for one in (then, now))
        raise FmnistError(
            f"{baseline['path']}: measured on another machine ({there} cores), this one is {here} cores; "
            f"measure a baseline here"
        )


def check_processes(baseline: dict[str, Any], processes: int) -> None:
    """Raise FmnistError where there are too few processes to show a change, however large."""
    for result in baseline["results"]:
        there = len(result["processes"]["invoke_us.p50"])
        if 1 / math.comb(there + processes, processes) >= _P_VALUE:
            raise FmnistError(
                f"{baseline['path']}: {there} processes against {processes} cannot tell a change from noise; measure "
                f"both with --processes 5 or more"
            )


def compare(baseline: dict[str, Any], results: list[dict[str, Any]], tolerance: float = TOLERANCE) -> list[Change]:
    """The change of each figure of `results` that the baseline has too. Raises FmnistError where it has none."""
    before = {_key(result): result for result in baseline["results"]}
    changes = []
    for result in results:
        other = before.get(_key(result))
        if other is not None:
            changes += [
                _change(_title(result), figure, other["processes"][figure], values, _tolerance(figure, tolerance))
                for figure, values in result["processes"].items()
                if figure in other["processes"]
            ]
    if not changes:
        held = "; ".join(_title(result) for result in baseline["results"]) or "nothing"
        raise FmnistError(f"{baseline['path']}: holds {held}, expected {'; '.join(_title(one) for one in results)}")
    return changes


def as_json(change: Change) -> dict[str, Any]:
    """The change as a JSON object."""
    return {
        "subject": change.subject,
        "figure": change.figure,
        "before": change.before._asdict(),
        "after": change.after._asdict(),
        "share": change.share,
        "verdict": change.verdict,
    }


def _tolerance(figure: str, tolerance: float) -> float:
    return tolerance if figure in _STEADY else tolerance * _TAIL_FACTOR


def _change(subject: str, figure: str, before: list[float], after: list[float], tolerance: float) -> Change:
    then, now = median_interval(before), median_interval(after)
    verdict = SAME
    if abs(now.middle / then.middle - 1) > tolerance:
        if p_value_greater(after, before) < _P_VALUE:
            verdict = SLOWER
        elif p_value_greater(before, after) < _P_VALUE:
            verdict = FASTER
    return Change(subject, figure, then, now, verdict)


def _key(result: dict[str, Any]) -> tuple[Any, ...]:
    return result["model"], result["precision"], result["runtime"], result["threads"]


def _title(result: dict[str, Any]) -> str:
    return f"{result['model']} on {result['runtime']}, {result['threads']} thread{'s' * (result['threads'] > 1)}"


def _check(document: dict[str, Any]) -> None:
    [document["machine"][name] for name in _MACHINE]
    for result in document["results"]:
        hash(_key(result)), _title(result)
        result["processes"]["invoke_us.p50"]
        for figure, values in result["processes"].items():
            if not values or not all(math.isfinite(value) and value > 0 for value in values):
                raise ValueError(f"{figure} is not a list of positive numbers")
