"""A run of fmnist-benchmark against a baseline, its JSON of another day: which figures changed beyond the noise.

A figure has one value for each process of a run. It changed where the processes of one run lie above those of the
other by more than chance would have it (1 of 100), and the medians differ by more than the tolerance. The tolerance is
for what makes whole runs differ (another job, the cooling), and larger for a tail and for a start, which such things
make longer than a median.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmnist_benchmarks.measure.intervals import Interval, chance_of_above, median_interval
from fmnist_benchmarks.measure.rounds import SCHEMA
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system import reading

# Some hundred times what a measurement of all shipped models prints.
MAXIMUM_BYTES = 16 * 2**20

TOLERANCE = 0.10
_TIMES_TOLERANCE = 3
_CHANCE = 0.01
_STEADY = ("invoke_us.p50", "classify_us.p50", "peak_rss_kib")
FASTER, SLOWER, SAME = "better", "WORSE", "same"
# Which machine a latency belongs to.
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
        """By what share the median grew; lower is better for every figure."""
        return self.after.middle / self.before.middle - 1


def read(path: Path) -> dict[str, Any]:
    """A baseline. Raises FmnistError where it is missing, beyond MAXIMUM_BYTES, damaged or of another schema."""
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
            f"{path}: schema {ascii(schema)[:60]}, this fmnist-edge compares {SCHEMA}; "
            f"measure the baseline again with --json"
        )
    try:
        _check(document)
    except Exception as error:  # whatever a value of another kind than it should be comes to
        raise FmnistError(
            f"{path}: its results are incomplete ({type(error).__name__}: {reading.error_text(error)}); "
            f"measure the baseline again"
        ) from error
    return {**document, "path": str(path)}


def check_machine(baseline: dict[str, Any], facts: dict[str, Any]) -> None:
    """Raises FmnistError where the baseline is another machine's: between two machines there is no regression."""
    then, now = ([one[name] for name in _MACHINE] for one in (baseline["machine"], facts))
    if then != now:
        there, here = (", ".join(str(part) for part in one if part) for one in (then, now))
        raise FmnistError(
            f"{baseline['path']}: measured on another machine ({there} cores), this is {here} cores; "
            f"measure a baseline here"
        )


def check_processes(baseline: dict[str, Any], processes: int) -> None:
    """Raises FmnistError where so few processes could not show a change, however large."""
    for result in baseline["results"]:
        there = len(result["processes"]["invoke_us.p50"])
        if 1 / math.comb(there + processes, processes) >= _CHANCE:
            raise FmnistError(
                f"{baseline['path']}: {there} processes against {processes} cannot tell a change from chance; measure "
                f"both with --processes 5 or more"
            )


def compare(baseline: dict[str, Any], results: list[dict[str, Any]], tolerance: float = TOLERANCE) -> list[Change]:
    """A change for each figure of each of `results` that the baseline has. Raises FmnistError where it has none."""
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
        there = "; ".join(_title(result) for result in baseline["results"]) or "nothing"
        raise FmnistError(f"{baseline['path']}: holds {there}, expected {'; '.join(_title(one) for one in results)}")
    return changes


def as_json(change: Change) -> dict[str, Any]:
    """The change by name."""
    return {
        "subject": change.subject,
        "figure": change.figure,
        "before": change.before._asdict(),
        "after": change.after._asdict(),
        "share": change.share,
        "verdict": change.verdict,
    }


def _tolerance(figure: str, tolerance: float) -> float:
    return tolerance if figure in _STEADY else tolerance * _TIMES_TOLERANCE


def _change(subject: str, figure: str, before: list[float], after: list[float], tolerance: float) -> Change:
    then, now = median_interval(before), median_interval(after)
    verdict = SAME
    if abs(now.middle / then.middle - 1) > tolerance:
        if chance_of_above(after, before) < _CHANCE:
            verdict = SLOWER
        elif chance_of_above(before, after) < _CHANCE:
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
