"""The calls that are compared give the classifier's answers, and each is compared with the bare invoke."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from environments import run_python

from fmnist_benchmarks.peers import calls, dense
from fmnist_runtime import Classifier
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.model import shipped

PYTHON = Path(sys.executable)


def test_overhead_compares_with_the_bare_interpreter(data_folder: Path) -> None:
    model = shipped.model_path("mlp")
    options = ("--data", data_folder, "--rounds", 2, "--block", 20, "--json")
    result = run_python(PYTHON, "-m", "fmnist_benchmarks.peers.overhead", model, *options)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["machine"]["packages"]["tflite-runtime"] == "2.14.0"
    results = {entry["call"]: entry for entry in document["results"]}
    assert {"bare", "index", "classify", "guide", "numpy"} <= set(results)
    assert results["bare"]["over_bare_tflite-runtime"] == 0
    assert results["index"]["times_index_tflite-runtime"] == 1
    for call in ("onnxruntime", "compiled_model"):
        assert call in results or f"{call} is left out" in result.stderr


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_every_call_gives_the_classifiers_answers(exported: Path, test_split: Split, precision: str) -> None:
    model = exported / f"model-{precision}.tflite"
    images = test_split.images[:300]
    expected = Classifier(model, backend="tflite-runtime").outputs(images).argmax(axis=1)
    for name, make in calls.CALLS.items():
        try:
            call = make(model, "tflite-runtime")
        except ImportError:
            continue
        found = np.array([call(image) for image in images])
        assert np.mean(found == expected) > 0.985, name  # the guides' truncation changes some, floats one or two


def test_other_layers_than_dense_are_refused() -> None:
    with pytest.raises(ModelFileError, match="AVERAGE_POOL_2D"):
        dense.read_layers(shipped.MODELS_FOLDER / "doctor.tflite")
