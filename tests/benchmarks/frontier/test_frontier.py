"""The frontier is measured with a real file on the real interpreter; its parts are tested with known values."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers import BIN, run_command

from fmnist_benchmarks.frontier import candidates, tables
from fmnist_benchmarks.frontier.candidates import TARGETS, Target
from fmnist_benchmarks.frontier.pareto import Point, front
from fmnist_benchmarks.frontier.published import PUBLISHED_RESULTS
from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.inference import interpreters
from fmnist_runtime.model import model_file, shipped

MLP = shipped.model_path("mlp")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The command's document for the shipped mlp on one runtime, and the folder of its figure."""
    folder = tmp_path_factory.mktemp("frontier")
    backend = interpreters.installed_backends()[0]
    options = ("--backend", backend, "--runs", 60, "--processes", 1, "-o", folder, "--json")
    result = run_command("python", "-m", "fmnist_benchmarks.frontier", "mlp", *options, folder=BIN)
    assert result.returncode == 0, result.stderr
    return {**json.loads(result.stdout), "folder": folder}


@pytest.mark.slow
def test_accuracy_is_measured_on_all_test_images(document: dict[str, Any]) -> None:
    (result,) = document["results"]
    description = model_file.read(MLP).description
    assert description is not None
    proof = next(one for one in description["proofs"] if one["runtime"] == result["runtime"])
    assert document["images"] == 10_000
    assert result["accuracy"] == pytest.approx(proof["accuracy"], abs=0.0005)
    assert result["keras_accuracy"] == proof["keras_accuracy"]
    assert (result["name"], result["precision"], result["bytes"]) == ("mlp", "int8", MLP.stat().st_size)
    assert 0 < result["invoke_us"]["p50_low"] <= result["invoke_us"]["p50"] <= result["invoke_us"]["p50_high"]
    assert document["models"][0]["parameters"] == 784 * 128 + 128 + 128 * 10 + 10


@pytest.mark.slow
def test_the_figure_is_drawn_again_without_measuring(document: dict[str, Any], tmp_path: Path) -> None:
    assert (document["folder"] / "frontier.png").read_bytes().startswith(b"\x89PNG")
    saved = {key: value for key, value in document.items() if key != "folder"}
    (tmp_path / "results.json").write_text(json.dumps(saved))
    command = ("-m", "fmnist_benchmarks.frontier", "--redraw", tmp_path / "results.json", "-o", tmp_path, "--json")
    result = run_command("python", *command, folder=BIN)
    assert json.loads(result.stdout) == saved
    assert (tmp_path / "frontier.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_table_has_every_target_and_every_published_row(document: dict[str, Any]) -> None:
    text = tables.markdown(document)
    for name in TARGETS:
        assert f"\n| {name} |" in text
    assert text.count("| not measured |") == len(TARGETS) - 1
    assert text.count("| [") == len(PUBLISHED_RESULTS)
    row = next(line for line in text.splitlines() if line.startswith("| mlp |"))
    assert "| 101,770 |" in row
    assert f"| {document['results'][0]['accuracy']:.4f} |" in row


def test_without_models_the_usage_error_names_them() -> None:
    result = run_command("python", "-m", "fmnist_benchmarks.frontier", folder=BIN)
    assert result.returncode == 2
    assert "MODEL..." in result.stderr
    assert "Traceback" not in result.stderr


def test_the_front_is_what_no_other_beats_in_both() -> None:
    cheap, good, beaten, same_cost, worse = Point(1, 0.8), Point(4, 0.95), Point(5, 0.9), Point(4, 0.9), Point(2, 0.7)
    assert front([beaten, good, worse, cheap, same_cost, good]) == [cheap, good]
    assert front([]) == []


def test_a_model_is_named_by_its_folder_its_stem_or_the_argument(tmp_path: Path) -> None:
    for name in ("tiny", "small"):
        (tmp_path / name).mkdir()
        shutil.copy(MLP, tmp_path / name / "model-int8.tflite")
    assert [model.name for model in candidates.resolve([str(tmp_path)])] == ["small", "tiny"]
    assert [model.name for model in candidates.resolve([str(tmp_path / "tiny"), "mlp"])] == ["tiny", "mlp"]
    assert [model.name for model in candidates.resolve([str(MLP), "mine=mlp"])] == ["mlp", "mine"]
    assert candidates.titled_files(candidates.resolve([f"a={tmp_path / 'tiny'}"])) == [
        ("a", tmp_path / "tiny" / "model-int8.tflite")
    ]
    with pytest.raises(ModelFileError, match=r"is already the int8 file of mlp; rename one with NAME="):
        candidates.resolve([str(MLP), "mlp"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFileError, match="expected what fmnist-export --quantize writes"):
        candidates.resolve([str(tmp_path / "empty")])


def test_every_shortfall_against_a_target_is_named() -> None:
    target = Target(32_000, 0.93)
    assert candidates.shortfalls(target, 32_000, 0.93, 0.932, 0.995) == []
    assert candidates.shortfalls(target, 32_001, 0.9299, 0.9299, 0.9949) == [
        "32,001 bytes",
        "accuracy 0.9299",
        "agreement 0.9949",
    ]
    assert candidates.shortfalls(target, 1, 0.94, 0.9421, 1.0) == ["0.21 points below Keras"]
    assert candidates.shortfalls(Target(None, 0.8), 10**9, 0.8, None, None) == ["no proof against Keras"]
