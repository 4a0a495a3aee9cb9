"""fmnist-benchmark through its real entry point, in an environment with only the base install."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import BIN, assert_fails, run_command

from fmnist_runtime.model import golden, shipped

# Each measures with the real command.
pytestmark = pytest.mark.slow

Result = subprocess.CompletedProcess[str]
Command = Callable[..., Result]
SHORT = ("--runs", 120, "--processes", 2, "--warm-up", 10)
KEYS = ["model", "precision", "runtime", "version", "threads", "load_us", "first_us", "invoke_us", "classify_us"]


@pytest.fixture
def benchmark(base_bin: Path) -> Command:
    return lambda *arguments: run_command("fmnist-benchmark", *arguments, folder=base_bin)


@pytest.fixture(scope="module")
def baseline(base_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JSON of a short run of the shipped model, with six processes."""
    path = tmp_path_factory.mktemp("baseline") / "baseline.json"
    result = run_command("fmnist-benchmark", "mlp", "--runs", 600, "--json", folder=base_bin)
    assert result.returncode == 0, result.stderr
    path.write_text(result.stdout)
    return path


def test_the_document_has_what_others_rely_on(baseline: Path) -> None:
    document = json.loads(baseline.read_text())
    assert document["schema"] == 1
    assert (document["interrupted"], document["rounds"]) == (False, 6)
    facts = document["machine"]
    assert facts["clock_ns"] > 0
    assert {"board", "cpu", "cores", "packages", "before", "after", "other_cores", "energy"} <= set(facts)
    assert document["images"]["count"] == len(golden.read(shipped.golden_path("mlp")).images)
    (result,) = document["results"]
    assert set(KEYS) <= set(result)
    assert (result["model"], result["precision"], result["runtime"]) == ("mlp-int8.tflite", "int8", "tflite-runtime")
    assert (result["version"], result["threads"], result["runs"]) == ("2.14.0", 1, 600)
    assert len(result["sha256"]) == 64
    for name in ("invoke_us", "classify_us"):
        figures = result[name]
        assert 0 < figures["p50_low"] <= figures["p50"] <= figures["p50_high"]
        assert figures["p50"] <= figures["p90"] <= figures["p99"] <= figures["max"]
        assert len(result["processes"][f"{name}.p50"]) == 6
    stages = result["stages_us"]
    assert sum(stages.values()) == pytest.approx(result["classify_us"]["p50"])
    assert 5_000 < result["peak_rss_kib"] < 200_000
    assert any("600 runs are few" in warning for warning in document["warnings"])


def test_a_baseline_that_was_30_percent_better_is_a_regression_and_noise_is_not(
    benchmark: Command, baseline: Path, tmp_path: Path
) -> None:
    """Judged by memory, the only figure that repeats on a busy machine; output/test_comparison.py tests latencies."""
    better = json.loads(baseline.read_text())
    figures = better["results"][0]["processes"]
    figures["peak_rss_kib"] = [value / 1.3 for value in figures["peak_rss_kib"]]
    (tmp_path / "better.json").write_text(json.dumps(better))
    for path, verdict in ((tmp_path / "better.json", "WORSE"), (baseline, "same")):
        result = benchmark("mlp", "--runs", 60, "--compare", path, "--json")
        changes = {change["figure"]: change["verdict"] for change in json.loads(result.stdout)["changes"]}
        assert changes["peak_rss_kib"] == verdict
        assert set(changes) == set(figures)
        assert result.returncode == int("WORSE" in changes.values())
    text = benchmark("mlp", "--runs", 60, "--compare", tmp_path / "better.json")
    assert text.returncode == 1
    assert "peak_rss_kib" in text.stdout
    assert "WORSE" in text.stdout


def test_threads_and_precisions_take_turns_and_the_verdict_is_one_sentence(
    benchmark: Command, exported: Path, test_images_file: Path
) -> None:
    models = [exported / f"model-{precision}.tflite" for precision in ("float32", "int8")]
    options = ("--threads", "1,2", "--verdict", "--data", test_images_file.parent)
    result = benchmark(*models, *SHORT, *options, "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert [(one["precision"], one["threads"]) for one in document["results"]] == [
        ("float32", 1),
        ("float32", 2),
        ("int8", 1),
        ("int8", 2),
    ]
    sentence: str = document["verdict"]
    for words in ("tflite-runtime 2.14.0", "times smaller", "of 10,000 answers differ on the 10,000 test images."):
        assert words in sentence
    assert sentence.count(". ") == 0


def test_people_get_a_table_of_80_columns_with_the_clocks_cost_and_the_warnings(benchmark: Command) -> None:
    result = benchmark("mlp", *SHORT)
    assert result.returncode == 0, result.stderr
    for words in ("95 % interval", "reading the clock costs", "p99", "drift", "stages", "peak memory", "energy: "):
        assert words in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "warning: mlp-int8.tflite with 1 thread: 120 runs are few" in result.stderr


def test_progress_and_the_time_left_go_to_standard_error(benchmark: Command) -> None:
    result = benchmark("mlp", *SHORT, "--json")
    assert json.loads(result.stdout)["rounds"] == 2
    first, *rest = [line for line in result.stderr.splitlines() if line.startswith("round")]
    assert first == "round 1 of 2"
    assert any(line.startswith("round 2 of 2, ") for line in rest)
    assert all(re.fullmatch(r"round [12] of 2, \d+ % done, about \d+ (s|min) left", line) for line in rest)


def test_more_threads_than_cores_are_warned_about_before_the_first_round(benchmark: Command) -> None:
    cores = os.cpu_count() or 1
    result = benchmark("mlp", "--threads", cores + 1, "--runs", 10, "--processes", 1, "--warm-up", 1, "--json")
    assert result.returncode == 0, result.stderr
    text = f"{cores + 1} threads on {cores} core{'s' * (cores > 1)} wait for each other; use --threads {cores} at most"
    lines = result.stderr.splitlines()
    assert lines.count(f"warning: {text}") == 1
    assert lines.index(f"warning: {text}") < lines.index("round 1 of 1")
    assert text in json.loads(result.stdout)["warnings"]


@pytest.mark.parametrize("as_json", [True, False])
def test_an_interrupted_measurement_keeps_its_finished_rounds(as_json: bool, tmp_path: Path, baseline: Path) -> None:
    options = ["--runs", "600", "--warm-up", "10", "--plot", str(tmp_path / "a.png"), "--compare", str(baseline)]
    result = interrupted("round 3 of", "mlp", *options, *(["--json"] if as_json else []))
    assert result.returncode == 130, result.stderr
    assert "fmnist-benchmark: interrupted; results of 2 of 6 rounds; not compared with the baseline" in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    if as_json:
        document = json.loads(result.stdout)
        (found,) = document["results"]
        assert (document["interrupted"], document["rounds"], found["runs"]) == (True, 2, 200)
        assert {len(values) for values in found["processes"].values()} == {2}
        assert "changes" not in document
    else:
        assert "200 images" in " ".join(result.stdout.split())


def test_a_measurement_that_is_interrupted_in_its_first_round_has_no_results() -> None:
    result = interrupted("round 1 of", "mlp", "--runs", "100000", "--processes", "1", "--json")
    assert result.returncode == 130
    assert result.stdout == ""
    assert "interrupted before the first round was finished; there are no results" in result.stderr
    assert "Traceback" not in result.stderr


def interrupted(line: str, *arguments: str) -> Result:
    """fmnist-benchmark with a Ctrl-C as soon as it prints a line on standard error that begins with `line`."""
    process = subprocess.Popen(
        [BIN / "fmnist-benchmark", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A background job ignores SIGINT, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        before = ""
        for printed in process.stderr:
            before += printed
            if printed.startswith(line):
                os.killpg(process.pid, signal.SIGINT)
                break
        stdout, stderr = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, before + stderr)
    finally:
        process.kill()
        process.wait()


def test_a_plot_without_matplotlib_names_the_extra(benchmark: Command, tmp_path: Path) -> None:
    assert_fails(benchmark("mlp", "--plot", tmp_path / "a.png"), 1, "matplotlib", "pip install 'fmnist-edge[plot]'")


def test_a_plot_is_drawn(tmp_path: Path) -> None:
    result = run_command("fmnist-benchmark", "mlp", *SHORT, "--plot", tmp_path / "a.png")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_wrong_usage_costs_one_line(benchmark: Command, tmp_path: Path, baseline: Path) -> None:
    other = Path(shutil.copy(shipped.model_path("mlp"), tmp_path))
    (tmp_path / "broken.tflite").write_bytes(b"TFL3" * 100)
    (tmp_path / "schema.json").write_text('{"schema": 7}')
    document: dict[str, Any] = json.loads(baseline.read_text())
    document["machine"]["cpu"] = "another processor"
    (tmp_path / "elsewhere.json").write_text(json.dumps(document))
    for code, words, arguments in (
        (2, "MODEL", ()),
        (2, "--threads", ("mlp", "--threads", "0")),
        (2, "--threads", ("mlp", "--threads", "one")),
        (2, "--runs", ("mlp", "--runs", "0")),
        (2, "same file name", ("mlp", other)),
        (1, "missing.tflite: no such file", ("missing.tflite",)),
        (1, "broken.tflite", (tmp_path / "broken.tflite",)),
        (1, "LiteRT is not installed", ("mlp", "--backend", "litert")),
        (1, "missing.json: cannot be read", ("mlp", "--compare", tmp_path / "missing.json")),
        (1, "schema 7", ("mlp", "--compare", tmp_path / "schema.json")),
        (1, "another machine", ("mlp", "--compare", tmp_path / "elsewhere.json")),
        (1, "missing.npz: no such file", ("mlp", "--golden", tmp_path / "missing.npz")),
        (1, "expected the four IDX files", ("mlp", "--data", tmp_path)),
        (1, "--verdict compares a float32 with an int8 model", ("mlp", "--verdict")),
    ):
        assert_fails(benchmark(*arguments), code, words)


def test_a_plot_that_cannot_be_written_is_refused_before_anything_is_measured(
    tmp_path: Path, read_only_folder: Path
) -> None:
    for code, words, path in (
        (2, "is not a .png", tmp_path / "a.jpg"),
        (1, "cannot be written", tmp_path / "missing" / "a.png"),
        (1, "cannot be written", read_only_folder / "a.png"),
    ):
        result = run_command("fmnist-benchmark", "mlp", "--plot", path)
        assert_fails(result, code, words)
        assert "round 1" not in result.stderr
