"""The benchmarks run and print what they promise; how fast it is, is no business of a test."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from environments import run_python

from fmnist_benchmarks.measure.processes import run_once
from fmnist_benchmarks.peers import dense, runners
from fmnist_runtime import Classifier
from fmnist_runtime.data.fashion_mnist_files import Split
from fmnist_runtime.errors import FmnistError, ModelFileError
from fmnist_runtime.model import shipped

PYTHON = Path(sys.executable)


@pytest.mark.slow
def test_overhead_compares_with_the_bare_interpreter(data_folder: Path) -> None:
    model = shipped.model_path("mlp")
    options = ("--data", data_folder, "--rounds", 2, "--block", 20, "--json")
    result = run_python(PYTHON, "-m", "fmnist_benchmarks.peers.overhead", model, *options)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["machine"]["packages"]["tflite-runtime"] == "2.14.0"
    ways = {entry["way"]: entry for entry in document["results"]}
    assert {"bare", "index", "classify", "guide", "numpy"} <= set(ways)
    assert ways["bare"]["over_bare_tflite-runtime"] == 0
    assert ways["index"]["times_index_tflite-runtime"] == 1
    for way in ("onnxruntime", "compiled_model"):
        assert way in ways or f"{way} is left out" in result.stderr


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_every_contender_gives_the_classifiers_answers(exported: Path, test_split: Split, precision: str) -> None:
    model = exported / f"model-{precision}.tflite"
    images = test_split.images[:300]
    expected = Classifier(model, backend="tflite-runtime").outputs(images).argmax(axis=1)
    for name, make in runners.CONTENDERS.items():
        try:
            answer = make(model, "tflite-runtime")
        except ImportError:
            continue
        found = np.array([answer(image) for image in images])
        assert np.mean(found == expected) > 0.985, name  # the guides' truncation changes some, floats one or two


def test_other_layers_are_refused_by_the_peers() -> None:
    with pytest.raises(ModelFileError, match="AVERAGE_POOL_2D"):
        dense.layers(shipped.MODELS_FOLDER / "doctor.tflite")


@pytest.mark.slow
def test_memory_reports_its_growth() -> None:
    result = run_python(PYTHON, "-m", "fmnist_benchmarks.startup.memory", "--calls", 20_000, "--json")
    document = json.loads(result.stdout)
    assert document["calls"] == 20_000
    assert document["kib_grown"] < 1024


def test_cold_start_runs_the_installed_command(base_bin: Path) -> None:
    result = run_python(base_bin / "python", "-m", "fmnist_benchmarks.startup.cold_start", "--runs", 1, "--json")
    assert result.returncode == 0, result.stderr
    programs = [entry["program"] for entry in json.loads(result.stdout)["results"]]
    assert programs == ["smallest script", "fmnist-classify image.npy", "fmnist-classify image.png"]


def test_a_program_that_fails_is_named() -> None:
    run = run_once([sys.executable, "-c", "pass"])
    assert run.milliseconds > 0
    assert 1000 < run.peak_kib < 50_000
    with pytest.raises(FmnistError, match="ended with 3"):
        run_once([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_plain_png_and_npy_need_no_pillow(base_bin: Path, test_split: Split, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(test_split.images[0]).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", test_split.images[0])
    code = (
        "import sys\nfrom fmnist_runtime.commands.classify import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print([name for name in ('PIL', 'tempfile', 'subprocess', 'multiprocessing') if name in sys.modules])"
    )
    for name in ("a.png", "a.npy"):
        result = run_python(base_bin / "python", "-c", code, tmp_path / name)
        assert "Ankle boot" in result.stdout
        assert result.stdout.endswith("[]\n"), result.stdout
