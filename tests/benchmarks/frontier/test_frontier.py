"""The frontier is measured and not told: a real file on the real interpreter; the rest by values that are known."""

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers import BIN, run_command

from fmnist_benchmarks.frontier import models, table
from fmnist_benchmarks.frontier.figure import Point, front
from fmnist_benchmarks.frontier.models import TARGETS, Target
from fmnist_benchmarks.frontier.published import PUBLISHED
from fmnist_benchmarks.output import label_placement
from fmnist_benchmarks.output.label_placement import Box
from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.inference import interpreters
from fmnist_runtime.model import model_file, shipped

MLP = shipped.model_path("mlp")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the command says of the shipped mlp on one runtime, and the folder that it drew into."""
    folder = tmp_path_factory.mktemp("frontier")
    backend = interpreters.installed()[0]
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
    text = table.markdown(document)
    for name in TARGETS:
        assert f"\n| {name} |" in text
    assert text.count("| not measured |") == len(TARGETS) - 1
    assert text.count("| [") == len(PUBLISHED)
    row = next(line for line in text.splitlines() if line.startswith("| mlp |"))
    assert "| 101,770 |" in row
    assert f"| {document['results'][0]['accuracy']:.4f} |" in row


def test_without_models_it_says_what_it_wants() -> None:
    result = run_command("python", "-m", "fmnist_benchmarks.frontier", folder=BIN)
    assert result.returncode == 2
    assert "MODEL..." in result.stderr
    assert "Traceback" not in result.stderr


def test_the_front_is_what_no_other_beats_in_both() -> None:
    cheap, good, beaten, same_cost, worse = Point(1, 0.8), Point(4, 0.95), Point(5, 0.9), Point(4, 0.9), Point(2, 0.7)
    assert front([beaten, good, worse, cheap, same_cost, good]) == [cheap, good]
    assert front([]) == []


def test_labels_cover_neither_points_nor_each_other() -> None:
    anchors = [(100.0, 100.0), (112.0, 100.0), (105.0, 108.0), (195.0, 195.0)]
    points = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in anchors]
    area = Box(0, 0, 200, 200)
    placed = label_placement.place(anchors, [(40.0, 10.0)] * 4, points, area)
    assert all(box.overlap(point) == 0 for box in placed for point in points)
    assert all(one.overlap(other) == 0 for one, other in itertools.combinations(placed, 2))
    assert all(box.overlap(area) == pytest.approx(400) for box in placed)


def test_a_rung_is_called_as_its_folder_its_stem_or_as_it_is_told(tmp_path: Path) -> None:
    for name in ("tiny", "small"):
        (tmp_path / name).mkdir()
        shutil.copy(MLP, tmp_path / name / "model-int8.tflite")
    assert [rung.name for rung in models.find([str(tmp_path)])] == ["small", "tiny"]
    assert [rung.name for rung in models.find([str(tmp_path / "tiny"), "mlp"])] == ["tiny", "mlp"]
    assert [rung.name for rung in models.find([str(MLP), "mine=mlp"])] == ["mlp", "mine"]
    assert models.titles(models.find([f"a={tmp_path / 'tiny'}"])) == [("a", tmp_path / "tiny" / "model-int8.tflite")]
    with pytest.raises(ModelFileError, match=r"mlp has .* as int8 already"):
        models.find([str(MLP), "mlp"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFileError, match="expected what fmnist-export --quantize writes"):
        models.find([str(tmp_path / "empty")])


def test_a_target_says_in_what_it_is_missed() -> None:
    target = Target(32_000, 0.93)
    assert models.missed(target, 32_000, 0.93, 0.932, 0.995) == []
    assert models.missed(target, 32_001, 0.9299, 0.9299, 0.9949) == [
        "32,001 bytes",
        "accuracy 0.9299",
        "agreement 0.9949",
    ]
    assert models.missed(target, 1, 0.94, 0.9421, 1.0) == ["0.21 points below Keras"]
    assert models.missed(Target(None, 0.8), 10**9, 0.8, None, None) == ["no proof against Keras"]
