"""What the exported files say of the training: the record of fmnist-train, of the same model and of no other."""

import copy
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import assert_fails, run_command

from fmnist_export.report.formatting import json_text
from fmnist_export.source import training_record
from fmnist_runtime.model import golden, model_file, shipped
from fmnist_runtime.system.digests import sha256

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
    (folder / training_record.RECORD_FILE).write_text(record if isinstance(record, str) else json.dumps(record))
    return path


def _summary(model: Path, digest: str, say: Callable[[str], None]) -> dict[str, Any] | None:
    record = training_record.read(model, digest, say)
    return None if record is None else training_record.summary_for_file(record, VERSIONS, say)


def test_the_record_is_copied_as_it_is_and_the_lists_of_epochs_become_numbers(tmp_path: Path) -> None:
    digest = sha256(b"a model")
    model = _model(tmp_path, {**RECORD, "model_sha256": digest})
    said: list[str] = []
    assert _summary(model, digest, said.append) == {
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
    assert "held_out" not in training_record.summarize({"history": {"loss": [0.5]}, "seconds": [1]}, VERSIONS)
    assert training_record.summarize({"seconds": 3.5, "history": None}, VERSIONS) == {"seconds": 3.5}


@pytest.mark.parametrize("odd", [None, [1], {"images": 3}, {"sha256": "a" * 64}])
def test_data_and_results_of_another_form_are_copied(odd: object) -> None:
    assert training_record.summarize({"data": odd, "results": odd}, VERSIONS) == {"data": odd, "results": odd}


def test_versions_are_left_out_where_the_exports_are_the_same() -> None:
    assert training_record.summarize({"versions": {"keras": "2"}}, VERSIONS) == {"versions": {"keras": "2"}}
    assert training_record.summarize({"versions": VERSIONS}, VERSIONS) == {}


def test_a_record_without_held_out_results_has_those_of_the_last_epoch() -> None:
    history = {"val_loss": [0.6, 0.5], "val_accuracy": [0.8, 0.9], "val_odd": []}
    assert training_record.summarize({"history": history}, VERSIONS)["held_out"] == {"loss": 0.5, "accuracy": 0.9}


def test_settings_are_left_out_only_where_the_command_says_them() -> None:
    assert training_record.summarize({"settings": {"seed": 1}}, VERSIONS) == {"settings": {"seed": 1}}
    assert training_record.summarize({"settings": {"seed": 1}, "command": "fmnist-train --seed 1"}, VERSIONS) == {
        "command": "fmnist-train --seed 1"
    }
    assert training_record.summarize({"teachers": None, "start": "mine.keras"}, VERSIONS) == {
        "teachers": None,
        "start": "mine.keras",
    }


def test_without_a_record_nothing_changes(tmp_path: Path) -> None:
    assert training_record.read(tmp_path / "mine.keras", "a" * 64, pytest.fail) is None


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
def test_another_models_record_is_left_out_with_a_line(tmp_path: Path, record: object, words: str) -> None:
    model = _model(tmp_path, record)
    said: list[str] = []
    assert training_record.read(model, sha256(b"a model"), said.append) is None
    assert len(said) == 1
    assert words in said[0]
    assert said[0].startswith("warning: ")


VALUES: tuple[Any, ...] = (
    *(0, -1, True, None, 1.5, 10**400, -(10**400), 2**63, 1e308, float("nan"), float("inf"), "", "x", "\x1b[31m"),
    *("\ud800", "\0", "a" * 2000, [], {}, [[]], [None], {"a": "\udfff"}, [1e308] * 20, [10**400], ["1"]),
)
KEYS = (*RECORD, "model_sha256", "held_out", "epochs", "a key of tomorrow", "\ud800")


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in ((*place, key), *_places(item, (*place, key)))]


def _odd_record(rng: random.Random, digest: str) -> bytes:
    """The record with odd values at one to three places of any depth, or with damaged bytes."""
    record = copy.deepcopy({**RECORD, "model_sha256": digest})
    for _ in range(rng.choice((0, 1, 1, 3))):
        record[rng.choice(KEYS)] = copy.deepcopy(rng.choice(VALUES))
        *parents, key = rng.choice(_places(record))
        holder: Any = record
        for parent in parents:
            holder = holder[parent]
        holder[key] = copy.deepcopy(rng.choice(VALUES))
    content = bytearray(json.dumps(record).encode())
    if rng.random() < 0.3:
        for _ in range(rng.choice((1, 1, 8))):
            content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content[: rng.randrange(len(content))]) if rng.random() < 0.05 else bytes(content)


def test_any_record_is_copied_or_left_out_with_one_line(tmp_path: Path) -> None:
    """1,000 of them; whatever is copied, a model file holds it and the report shows it."""
    digest = sha256(b"a model")
    model = _model(tmp_path, "")
    file = model_file.read(shipped.MODELS_FOLDER / "doctor.tflite")
    assert file.labels is not None
    assert file.description is not None
    copied = 0
    for seed in range(1000):
        (tmp_path / training_record.RECORD_FILE).write_bytes(_odd_record(random.Random(seed), digest))
        said: list[str] = []
        record = _summary(model, digest, said.append)
        assert len(said) == (record is None), (seed, said)
        assert all(len(line) < 1000 for line in said)
        if record is None:
            continue
        copied += 1
        packed = model_file.pack(file.flatbuffer, file.labels, {**file.description, "training": record})
        read = model_file.parse(packed, model).description
        assert read is not None
        assert json.dumps(read["training"], sort_keys=True) == json.dumps(record, sort_keys=True), seed
        assert isinstance(json_text(record), str)
    assert 300 < copied < 800, copied


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"[" * 100_000, "too deep or too large"),
        (b'{"a": ' * 40 + b"1" + b"}" * 40, "nested more than 31 deep"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "cannot be read"),
        (
            b" " * (training_record.MAXIMUM_BYTES + 1),
            "16,777,217 bytes, expected the record of fmnist-train of at most 16,777,216",
        ),
        (b"", "cannot be read"),
    ],
)
def test_a_record_beyond_the_limits_is_left_out(tmp_path: Path, content: bytes, found: str) -> None:
    model = _model(tmp_path, "")
    (tmp_path / training_record.RECORD_FILE).write_bytes(content)
    said: list[str] = []
    assert _summary(model, sha256(b"a model"), said.append) is None
    assert len(said) == 1
    assert found in said[0]


def test_a_record_too_large_for_a_model_file_is_left_out_and_other_kinds_of_file_too(tmp_path: Path) -> None:
    digest = sha256(b"a model")
    model = _model(tmp_path, {**RECORD, "model_sha256": digest, "notes": "a" * 300_000})
    said: list[str] = []
    assert _summary(model, digest, said.append) is None
    assert "expected at most 262,144" in said[0]
    (tmp_path / training_record.RECORD_FILE).unlink()
    (tmp_path / training_record.RECORD_FILE).mkdir()
    assert _summary(model, digest, said.append) is None
    assert "a folder, expected the record" in said[1]
    (tmp_path / training_record.RECORD_FILE).rmdir()
    os.mkfifo(tmp_path / training_record.RECORD_FILE)
    assert _summary(model, digest, said.append) is None
    assert "not a regular file" in said[2]


def test_numbers_that_are_not_finite_are_null(tmp_path: Path) -> None:
    digest = sha256(b"a model")
    history = {"val_loss": [0.5, float("nan")]}
    model = _model(tmp_path, {"model_sha256": digest, "history": history, "seconds": [1e308, 1e308]})
    record = _summary(model, digest, pytest.fail)
    assert record == {"seconds": [1e308, 1e308], "held_out": {"loss": None}}


def test_exported_files_record_how_their_model_was_trained(exported: Path) -> None:
    record = json.loads((exported / "training.json").read_text())
    for precision in ("float32", "int8"):
        description = model_file.read(exported / f"model-{precision}.tflite").description
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


def test_the_command_ignores_another_models_record_and_writes_as_many_golden_images_as_asked(
    trained: Path, tmp_path: Path
) -> None:
    model = tmp_path / "mine.keras"
    model.write_bytes((trained / "model.keras").read_bytes())
    (tmp_path / "training.json").write_text(json.dumps({**RECORD, "model_sha256": "f" * 64}))
    result = run_command("fmnist-export", model, "--golden-images", 50)
    assert result.returncode == 0, result.stderr
    assert "training.json is the record of another model" in result.stderr
    description = model_file.read(tmp_path / "mine-float32.tflite").description
    assert description is not None
    assert "training" not in description
    assert [proof["golden"]["images"] for proof in description["proofs"]] == [50]
    images = golden.read(tmp_path / "mine-golden.npz")
    assert len(set(images.indices.tolist())) == len(images.images) == 50
    assert set(images.expected.tolist()) == set(range(10))
    verified = run_command("fmnist-verify", tmp_path / "mine-float32.tflite", "--json")
    assert (verified.returncode, json.loads(verified.stdout)["images"]) == (0, 50)
    assert_fails(run_command("fmnist-export", model, "--golden-images", 49), 2, "--golden-images")
