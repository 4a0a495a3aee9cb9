"""The implementations run in turns and agree; how fast they are is not tested."""

import json
import sys
from pathlib import Path

import numpy as np
from environments import run_python

from fmnist_benchmarks.peers import calls
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.model import shipped

PYTHON = Path(sys.executable)


def test_keras_and_the_interpreters_take_turns_and_agree(exported: Path, data_folder: Path, tmp_path: Path) -> None:
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


def test_a_call_whose_package_is_missing_says_so(tmp_path: Path, test_split: Split) -> None:
    np.save(tmp_path / "images.npy", test_split.images[:10])
    worker = calls.start("compiled_model", shipped.model_path(None), tmp_path / "images.npy", "litert")
    assert worker.unavailable is None or "is not installed" in worker.unavailable
    worker.close()
