"""The comparisons run and their parts answer alike; how fast they are, is no business of a test."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from environments import run_python

from fmnist_benchmarks.measure.processes import contender
from fmnist_benchmarks.scaling import limits
from fmnist_benchmarks.startup import cold_stages
from fmnist_runtime.data.fashion_mnist_files import Split
from fmnist_runtime.model import shipped

PYTHON = Path(sys.executable)


@pytest.mark.slow
def test_keras_and_the_interpreters_take_turns_and_answer_alike(
    exported: Path, data_folder: Path, tmp_path: Path
) -> None:
    options = ("--rounds", 2, "--data", data_folder, "--plot", tmp_path / "peers.png", "--json")
    result = run_python(PYTHON, "-m", "fmnist_benchmarks.peers", exported, *options)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    found = {(one["name"], one["precision"], one["backend"]): one for one in document["results"]}
    for name in ("predict", "call", "tf_function", "numpy"):
        assert found[name, "float32", "auto"]["agreement"] == 1
        assert found[name, "float32", "auto"]["settings"]
    for precision in ("float32", "int8"):
        assert found["index", precision, "tflite-runtime"]["times_ours"]["middle"] == 1
        assert found["classify", precision, "tflite-runtime"]["agreement"] == 1
        assert found["guide", precision, "tflite-runtime"]["agreement"] > 0.97
        assert found["bare", precision, "tflite-runtime"]["agreement"] is None
    reasons = {one["title"]: one["reason"] for one in document["left_out"]}
    assert "TfLiteInterpreterInvoke" in reasons["the C library's own loop"]
    assert (tmp_path / "peers.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_the_keras_model_is_refused(tmp_path: Path) -> None:
    result = run_python(PYTHON, "-m", "fmnist_benchmarks.peers", tmp_path)
    assert result.returncode == 1
    assert "no model.keras" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_peer_that_is_not_installed_says_so(tmp_path: Path, test_split: Split) -> None:
    np.save(tmp_path / "images.npy", test_split.images[:10])
    worker = contender("compiled_model", shipped.model_path(None), tmp_path / "images.npy", "litert")
    assert worker.missing is None or "is not installed" in worker.missing
    worker.close()


def test_the_limits_of_a_machine_are_positive_and_small_reads_are_not_slower_than_memory() -> None:
    assert limits.multiply_adds_per_second() > 1e7
    assert limits.bytes_per_second(100_000) > 1e7


@pytest.mark.slow
def test_growth_measures_all_four_with_their_limits(tmp_path: Path) -> None:
    # More threads than cores wait for each other for minutes, and so do two on a busy machine: the timeout ends a hang.
    options = (
        "--most-images",
        10,
        "--hidden",
        "3,16",
        "--most-threads",
        2,
        "--plot",
        tmp_path / "growth.png",
        "--json",
    )
    result = run_python(PYTHON, "-m", "fmnist_benchmarks.scaling.growth", *options, timeout=1500)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert [one["images"] for one in document["images"]] == [1, 10]
    assert [(one["model"], one["multiply_adds"]) for one in document["sizes"]] == [
        ("mlp3-float32.tflite", 3 * 794),
        ("mlp16-float32.tflite", 16 * 794),
        ("mlp3-int8.tflite", 3 * 794),
        ("mlp16-int8.tflite", 16 * 794),
    ]
    assert all(one["limit_us"] > 0 for one in document["sizes"])
    assert [one["threads"] for one in document["threads"]] == [1, 2, 1, 2]
    assert [one["processes"] for one in document["processes"]] == [1, 2]
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_a_stage_begins_where_the_last_one_ended() -> None:
    marks = [("Python", 12_000_000), ("import numpy", 100_000_000), ("load", 101_000_000)]
    assert cold_stages.stages_of(2_000_000, marks) == {"Python": 10, "import numpy": 88, "load": 1}


def test_a_cold_start_is_split_into_its_stages() -> None:
    smallest, ours = cold_stages.measure("tflite-runtime", 1)
    for result in (smallest, ours):
        assert sum(stage["ms"] for stage in result["stages"]) == pytest.approx(result["ms"])
        assert all(stage["ms"] >= 0 for stage in result["stages"])
    assert [stage["stage"] for stage in smallest["stages"]] == [
        "Python",
        "import numpy",
        "import interpreter",
        "load",
        "allocate",
        "first invoke",
    ]
    assert ours["stages"][-1]["stage"] == "first answer"
