"""What the exported files say of the training: the record of fmnist-train, of the same model and of no other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fmnist_export import recipe
from fmnist_runtime import golden, modelfile
from fmnist_runtime.files import sha256
from helpers import assert_fails, run_command

VERSIONS = {"keras": "3"}
RECORD: dict[str, Any] = {
    "settings": {"model": "cnn-nano", "seed": 3, "a setting of tomorrow": [1, {"x": None}]},
    "command": "fmnist-train --model cnn-nano --seed 3",
    "parameters": 23290,
    "start": {"model": "first/model.keras", "model_sha256": "d" * 64},
    "teachers": [{"model": "small/model.keras", "model_sha256": "e" * 64}],
    "history": {"loss": [0.5, 0.4], "val_loss": [0.6, 0.5], "val_accuracy": [0.8, 0.9], "val_odd": []},
    "seconds": [1.25, 2.5],
    "results": {"test_accuracy": 0.91, "val_accuracy": 0.92},
    "versions": VERSIONS,
    "data": {"images": 3, "sha256": {"b": "2" * 64, "a": "1" * 64}},
}


def _model(folder: Path, record: object) -> Path:
    path = folder / "mine.keras"
    path.write_bytes(b"a model")
    (folder / recipe.RECORD_FILE).write_text(record if isinstance(record, str) else json.dumps(record))
    return path


def _shortened(model: Path, digest: str, say: Callable[[str], None]) -> dict[str, Any]:
    record = recipe.beside(model, digest, say)
    assert record is not None
    return recipe.shorten(record, VERSIONS)


def test_the_record_is_copied_as_it_is_and_the_lists_of_epochs_become_numbers(tmp_path: Path) -> None:
    digest = sha256(b"a model")
    model = _model(tmp_path, {**RECORD, "model_sha256": digest})
    said: list[str] = []
    assert _shortened(model, digest, said.append) == {
        **{name: RECORD[name] for name in ("command", "parameters")},
        "results": {"test_accuracy": 0.91},
        "data": {"images": 3, "sha256": sha256(("1" * 64 + "  a\n" + "2" * 64 + "  b\n").encode())},
        "teachers": ["e" * 64],
        "start": "d" * 64,
        "epochs": 2,
        "seconds": 3.8,
        "held_out": {"loss": 0.5, "accuracy": 0.92},
    }
    assert said == []


def test_without_held_out_images_nothing_is_said_of_them() -> None:
    assert "held_out" not in recipe.shorten({"history": {"loss": [0.5]}, "seconds": [1]}, VERSIONS)
    assert recipe.shorten({"seconds": 3.5, "history": None}, VERSIONS) == {"seconds": 3.5}


@pytest.mark.parametrize("odd", [None, [1], {"images": 3}, {"sha256": "a" * 64}])
def test_data_and_results_of_another_form_are_copied(odd: object) -> None:
    assert recipe.shorten({"data": odd, "results": odd}, VERSIONS) == {"data": odd, "results": odd}


def test_versions_are_left_out_where_the_exports_are_the_same() -> None:
    assert recipe.shorten({"versions": {"keras": "2"}}, VERSIONS) == {"versions": {"keras": "2"}}
    assert recipe.shorten({"versions": VERSIONS}, VERSIONS) == {}


def test_a_record_without_held_out_results_has_those_of_the_last_epoch() -> None:
    history = {"val_loss": [0.6, 0.5], "val_accuracy": [0.8, 0.9], "val_odd": []}
    assert recipe.shorten({"history": history}, VERSIONS)["held_out"] == {"loss": 0.5, "accuracy": 0.9}


def test_settings_are_left_out_only_where_the_command_says_them() -> None:
    assert recipe.shorten({"settings": {"seed": 1}}, VERSIONS) == {"settings": {"seed": 1}}
    assert recipe.shorten({"settings": {"seed": 1}, "command": "fmnist-train --seed 1"}, VERSIONS) == {
        "command": "fmnist-train --seed 1"
    }
    assert recipe.shorten({"teachers": None, "start": "mine.keras"}, VERSIONS) == {
        "teachers": None,
        "start": "mine.keras",
    }


def test_without_a_record_nothing_changes(tmp_path: Path) -> None:
    assert recipe.beside(tmp_path / "mine.keras", "a" * 64, pytest.fail) is None


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({**RECORD, "model_sha256": "f" * 64}, "record of another model (ffffffffffff…"),
        (RECORD, "record of another model (None"),
        ([1], "record of another model"),
        ("{", "cannot be read"),
        ('{"a": "\udcff"}'.encode("utf-8", "surrogateescape").decode("latin-1"), "another model"),
    ],
)
def test_another_models_record_is_left_out_and_said(tmp_path: Path, record: object, words: str) -> None:
    model = _model(tmp_path, record)
    said: list[str] = []
    assert recipe.beside(model, sha256(b"a model"), said.append) is None
    assert len(said) == 1
    assert words in said[0]
    assert said[0].startswith("warning: ")


def test_exported_files_say_how_their_model_was_trained(exported: Path) -> None:
    record = json.loads((exported / "training.json").read_text())
    for precision in ("float32", "int8"):
        description = modelfile.read(exported / f"model-{precision}.tflite").description
        assert description is not None
        training = description["training"]
        assert description["keras_sha256"] == record["model_sha256"]
        for name in ("command", "parameters", "machine"):
            assert training[name] == record[name]
        # Trained and exported here.
        assert "versions" not in training
        assert description["versions"] == record["versions"]
        assert training["data"]["images"] == record["data"]["images"]
        assert training["results"]["test_accuracy"] == record["results"]["test_accuracy"]
        assert training["epochs"] == len(record["seconds"]) == record["settings"]["epochs"]
        assert training["seconds"] == pytest.approx(sum(record["seconds"]), abs=0.05)
        assert training["held_out"]["accuracy"] == record["results"]["val_accuracy"]
        assert "history" not in training
    page = (exported / "report.html").read_text()
    assert "Trained by" in page
    assert record["command"] in page


def test_another_record_and_fewer_golden_images_through_the_command(trained: Path, tmp_path: Path) -> None:
    model = tmp_path / "mine.keras"
    model.write_bytes((trained / "model.keras").read_bytes())
    (tmp_path / "training.json").write_text(json.dumps({**RECORD, "model_sha256": "f" * 64}))
    result = run_command("fmnist-export", model, "--golden-images", 50)
    assert result.returncode == 0, result.stderr
    assert "training.json is the record of another model" in result.stderr
    description = modelfile.read(tmp_path / "mine-float32.tflite").description
    assert description is not None
    assert "training" not in description
    assert [proof["golden"]["images"] for proof in description["proofs"]] == [50]
    images = golden.read(tmp_path / "mine-golden.npz")
    assert len(set(images.indices.tolist())) == len(images.images) == 50
    assert set(images.expected.tolist()) == set(range(10))
    verified = run_command("fmnist-verify", tmp_path / "mine-float32.tflite", "--json")
    assert (verified.returncode, json.loads(verified.stdout)["images"]) == (0, 50)
    assert_fails(run_command("fmnist-export", model, "--golden-images", 49), 2, "--golden-images")
