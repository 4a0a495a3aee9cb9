"""Verdicts on figures: a real change is found, noise is not, and an unusable baseline is refused."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from fmnist_benchmarks.output import comparison
from fmnist_runtime.errors import FmnistError

FIGURES = ("load_us", "invoke_us.p50", "invoke_us.p99", "classify_us.p50", "peak_rss_kib")
MACHINE = {"board": None, "cpu": "a processor", "cores": 4}


def result(seed: int, times: float = 1.0, noise: float = 0.03) -> dict[str, Any]:
    generator = random.Random(seed)
    values = {figure: [times * 10 * generator.uniform(1, 1 + noise) for _ in range(6)] for figure in FIGURES}
    return {"model": "a.tflite", "precision": "int8", "runtime": "litert", "threads": 1, "processes": values}


def baseline(seed: int, times: float = 1.0) -> dict[str, Any]:
    return {"schema": comparison.SCHEMA, "machine": MACHINE, "results": [result(seed, times)], "path": "b.json"}


def verdicts(changes: list[comparison.Change]) -> set[str]:
    return {change.verdict for change in changes}


def test_a_baseline_that_is_30_percent_faster_is_a_regression() -> None:
    changes = comparison.compare(baseline(1, times=1 / 1.4), [result(2)])
    assert verdicts(changes) == {comparison.SLOWER}
    assert all(change.share > 0.3 for change in changes)
    assert verdicts(comparison.compare(baseline(1, times=1.5), [result(2)])) == {comparison.FASTER}


def test_noise_is_no_change() -> None:
    """Two similar runs, 200 times: no figure counts as changed, although runs differ by up to 9 %."""
    for seed in range(200):
        changes = comparison.compare(baseline(seed), [result(seed + 1000, times=1.03, noise=0.06)])
        assert verdicts(changes) == {comparison.SAME}, seed


def test_a_change_within_the_tolerance_or_within_the_spread_is_no_change() -> None:
    assert verdicts(comparison.compare(baseline(1), [result(2, times=1.08)])) == {comparison.SAME}
    assert verdicts(comparison.compare(baseline(1), [result(2, times=1.3, noise=0.0)], tolerance=0.5)) == {
        comparison.SAME
    }
    spread = result(2)
    spread["processes"] = {figure: [9, 14, 15, 16, 17, 30] for figure in FIGURES}
    assert verdicts(comparison.compare(baseline(1), [spread])) == {comparison.SAME}


def test_a_tail_and_a_start_are_allowed_three_times_the_tolerance() -> None:
    changes = {change.figure: change.verdict for change in comparison.compare(baseline(1), [result(2, times=1.2)])}
    assert changes["invoke_us.p50"] == changes["classify_us.p50"] == changes["peak_rss_kib"] == comparison.SLOWER
    assert changes["invoke_us.p99"] == changes["load_us"] == comparison.SAME


def test_another_model_or_thread_is_not_compared() -> None:
    other = {**result(2), "threads": 2}
    with pytest.raises(
        FmnistError, match=r"holds a.tflite on litert, 1 thread, expected a.tflite on litert, 2 threads"
    ):
        comparison.compare(baseline(1), [other])
    assert len(comparison.compare(baseline(1), [other, result(3)])) == len(FIGURES)


def test_another_machine_is_refused() -> None:
    comparison.check_machine(baseline(1), {**MACHINE, "load": 3})
    with pytest.raises(FmnistError, match="another machine"):
        comparison.check_machine(baseline(1), {**MACHINE, "cpu": "another processor"})


def test_too_few_processes_are_refused() -> None:
    comparison.check_processes(baseline(1), 5)
    with pytest.raises(FmnistError, match="6 processes against 2 cannot tell a change from noise"):
        comparison.check_processes(baseline(1), 2)


def test_a_single_disturbed_process_hides_no_regression() -> None:
    before, now = baseline(1), result(2)
    before["results"][0]["processes"] = {figure: [7, 7.1, 7.2, 7, 7.1, 10.15] for figure in FIGURES}
    now["processes"] = {figure: [10, 10.1, 10.2, 10.3, 10.1, 10.2] for figure in FIGURES}
    assert verdicts(comparison.compare(before, [now])) == {comparison.SLOWER}


def test_a_baseline_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(baseline(1)))
    assert comparison.read_baseline(path)["results"] == baseline(1)["results"]


def damaged() -> dict[str, Any]:
    """Contents that are no baseline, with the words of the error."""
    nothing, zero, text, part = (copy.deepcopy(baseline(1)) for _ in range(4))
    del nothing["results"][0]["processes"]
    zero["results"][0]["processes"]["load_us"] = [0.0]
    text["results"][0]["processes"]["load_us"] = ["fast"]
    del part["results"][0]["processes"]["invoke_us.p50"]
    odd = []
    for key, value in (("threads", "1"), ("model", [1]), ("processes", None), ("runtime", {})):
        odd.append(copy.deepcopy(baseline(1)))
        odd[-1]["results"][0][key] = value
    huge = copy.deepcopy(baseline(1))
    huge["results"][0]["processes"]["load_us"] = [10**400]
    return {
        "not JSON": "not JSON",
        "null": "schema None",
        "{}": "schema None",
        '{"schema": 99}': "schema 99",
        '{"schema": 1}': "incomplete",
        json.dumps(nothing): "incomplete",
        json.dumps(zero): "incomplete",
        json.dumps(text): "incomplete",
        json.dumps(part): "incomplete",
        **{json.dumps(one): "incomplete" for one in (*odd, huge)},
        '{"schema": "\\u001b[31m"}': r"schema '\\x1b\[31m'",
        "[" * 100_000: "not JSON",
        " " * (comparison.MAXIMUM_BYTES + 1): "more than 16,777,216 bytes",
    }


@pytest.mark.parametrize(("content", "words"), damaged().items(), ids=range(len(damaged())))
def test_an_unusable_baseline_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(content)
    with pytest.raises(FmnistError, match=words):
        comparison.read_baseline(path)
    with pytest.raises(FmnistError, match="cannot be read"):
        comparison.read_baseline(tmp_path / "missing.json")
