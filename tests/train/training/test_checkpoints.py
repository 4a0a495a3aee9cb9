"""Checkpoints that are damaged, edited, of another version, or not fmnist-train's are refused and left untouched."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import checkpoint_damage  # noqa: E402
from helpers import assert_fails, run_command  # noqa: E402

from fmnist_runtime.data.dataset import Dataset  # noqa: E402
from fmnist_runtime.errors import FmnistError, TrainingError  # noqa: E402
from fmnist_train.models import keras_files  # noqa: E402
from fmnist_train.models.settings import TrainingSettings  # noqa: E402
from fmnist_train.training import checkpoint_record, checkpoints, loop, output_folder  # noqa: E402
from fmnist_train.training.checkpoint_record import Progress  # noqa: E402

SETTINGS = TrainingSettings(teacher=("a teacher.keras",), seed=3)
SOURCES = {"a teacher.keras": "ab12"}
PROGRESS = Progress({"loss": [0.5, 0.4], "mine": [1.0, float("nan")]}, [1.5, 1.25])


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with a checkpoint after two epochs."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    checkpoints.save(tmp_path, model, SETTINGS, SOURCES, PROGRESS)
    return tmp_path


def test_a_checkpoint_is_read_as_it_was_saved_and_replaces_the_previous_one(kept: Path) -> None:
    assert {path.name for path in kept.iterdir()} == {"checkpoint-2.keras", "checkpoint.json"}
    record = checkpoint_record.read(kept)
    assert (record.settings, record.sources) == (SETTINGS, SOURCES)
    model, progress = checkpoints.load(kept, SETTINGS, SOURCES)
    assert type(model.optimizer) is keras.optimizers.Adam
    assert progress.seconds == PROGRESS.seconds
    # JSON has no NaN.
    assert progress.history == {"loss": [0.5, 0.4], "mine": [1.0, None]}
    progress.seconds.append(1.0)
    checkpoints.save(kept, model, SETTINGS, SOURCES, progress)
    assert {path.name for path in kept.iterdir()} == {"checkpoint-3.keras", "checkpoint.json"}


def _edited(**changes: Any) -> Callable[[Path], None]:
    """Change keys of the record, and its digest with them."""

    def change(folder: Path) -> None:
        path = folder / "checkpoint.json"
        record = {**json.loads(path.read_text()), **changes}
        record.pop("sha256")
        path.write_text(json.dumps({**record, "sha256": checkpoint_record._digest(record)}))

    return change


def _file(name: str, content: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return write


def _replaced(name: str, before: bytes, after: bytes) -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        content = (folder / name).read_bytes()
        assert before in content
        (folder / name).write_bytes(content.replace(before, after))

    return replace


START_OVER = "remove it and the checkpoint-N.keras beside it, and train again without --resume"
RECORD, MODEL = "checkpoint.json", "checkpoint-2.keras"
OLD = {"model": MODEL, "settings": {}, "progress": {}}


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (_file(RECORD, b""), "checkpoint.json: damaged, or not a record of fmnist-train (Expecting value"),
        (_file(RECORD, b"["), "damaged, or not a record of fmnist-train"),
        (_file(RECORD, b"[" * 100_000), "damaged, or not a record of fmnist-train (maximum recursion depth"),
        (_file(RECORD, b"[1]"), "it holds a list, expected an object"),
        (_file(RECORD, b"\xff{}"), "damaged, or not a record of fmnist-train ('utf-8'"),
        (_file(RECORD, b" " * (17 << 20)), "it is longer than 16 MiB"),
        (_file(RECORD, json.dumps(OLD).encode()), "written by an older fmnist-edge (it lacks model_sha256)"),
        (_replaced(RECORD, b'"seed": 3', b'"seed": 4'), "damaged or edited: its digest does not match its content"),
        (_replaced(RECORD, b"0.4", b"0.3"), "damaged or edited: its digest does not match its content"),
        (_edited(schema=2), "written by a newer fmnist-edge (schema 2, this one reads schema 1); resume with that one"),
        (_edited(mixup=1), "written by a newer fmnist-edge (the unknown key 'mixup'"),
        (_edited(settings={"mixup": 1}), "settings have the unknown key 'mixup', of a newer fmnist-edge"),
        (_edited(settings={"epochs": "5"}), "epochs is '5'"),
        (_edited(settings={"epochs": True}), "epochs is 'True'"),
        (_edited(settings={"learning_rate": float("nan")}), "learning_rate is 'nan'"),
        (_edited(settings={}), "settings lack batch_size"),
        (_edited(settings=None), "not as fmnist-train writes it"),
        (_edited(schema="1"), "its schema is '1'"),
        (_edited(model="../other.keras"), "it names the model '../other.keras'"),
        (_edited(model="checkpoint-3.keras"), "it names the model 'checkpoint-3.keras'"),
        (
            _edited(progress={"history": {"loss": [1, "x"]}, "seconds": [1, 2]}),
            "loss holds other things than numbers",
        ),
        (_edited(progress={"history": {"loss": 3}, "seconds": [1, 2]}), "loss is not a list"),
        (_edited(progress={"history": {}, "seconds": 3}), "not as fmnist-train writes it"),
        (_edited(sources={"a teacher.keras": 3}), "a digest in it is not text"),
        (_file(MODEL, b""), "checkpoint-2.keras: damaged (its digest is not the one in checkpoint.json)"),
        (_edited(model_sha256="00"), "checkpoint-2.keras: damaged"),
        (lambda folder: (folder / MODEL).unlink(), "checkpoint-2.keras: damaged (it is missing)"),
        (lambda folder: (folder / RECORD).unlink(), "no checkpoint to resume from; train without --resume"),
    ],
)
def test_a_damaged_or_edited_checkpoint_is_refused_with_file_and_way_out(
    kept: Path, damage: Callable[[Path], None], expected: str
) -> None:
    damage(kept)
    with pytest.raises(TrainingError) as caught:
        checkpoints.load(kept, SETTINGS, SOURCES)
    message = str(caught.value)
    assert expected in message
    assert str(kept) in message
    assert "\n" not in message
    assert "train" in message.split(";")[-1]


def test_an_intact_file_that_keras_cannot_load_is_refused(kept: Path) -> None:
    (kept / MODEL).write_bytes(b"PK\x03\x04 of another Keras")
    _edited(model_sha256=checkpoint_record.sha256((kept / MODEL).read_bytes()))(kept)
    with pytest.raises(TrainingError, match="resume with the Keras that wrote it, or remove"):
        checkpoints.load(kept, SETTINGS, SOURCES)


def test_a_model_file_above_the_size_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
    model.save(tmp_path / "model.keras")
    monkeypatch.setattr(keras_files, "MOST_BYTES", 1000)
    with pytest.raises(TrainingError, match=r"it holds [\d,]+ bytes, expected 1,000 at most"):
        keras_files.read(tmp_path / "model.keras")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 100_001])
def test_random_damage_is_refused_in_one_line_and_never_a_traceback(kept: Path, seed: int) -> None:
    pristine = {path.name: path.read_bytes() for path in kept.iterdir()}
    refused, until = 0, time.process_time() + 10
    for number in range(seed, seed + 400):
        what = checkpoint_damage.damaged(kept, pristine, number)
        try:
            checkpoints.load(kept, SETTINGS, SOURCES)
        except FmnistError as error:
            several_lines = "\n" in str(error)
            refused += 1
        else:
            several_lines = False
            record = json.loads((kept / RECORD).read_text()), (kept / MODEL).read_bytes()
            # Somebody who makes the digest anew is believed; blanks in JSON say nothing.
            assert (
                record == (json.loads(pristine[RECORD]), pristine[MODEL]) or what == "checkpoint.json: edit_knowingly"
            ), (number, what)
        assert not several_lines, (number, what)
        for path in kept.iterdir():
            path.unlink()
        if time.process_time() > until:
            break
    assert refused > 50


def test_a_checkpoint_of_other_settings_or_files_is_refused(kept: Path) -> None:
    with pytest.raises(TrainingError, match="the checkpoint was trained with seed 3, but 4 is asked for"):
        checkpoints.load(kept, TrainingSettings(teacher=("a teacher.keras",), seed=4), SOURCES)
    with pytest.raises(TrainingError, match=r"a teacher\.keras is another file than the one that the checkpoint was"):
        checkpoints.load(kept, SETTINGS, {"a teacher.keras": "cd34"})


def test_foreign_files_with_similar_names_are_neither_removed_nor_overwritten(kept: Path, few_images: Dataset) -> None:
    mine = {"checkpoint-best.keras": b"mine", "checkpoint-2b.keras": b"too", ".model.keras.mine": b"as well"}
    for name, content in mine.items():
        (kept / name).write_bytes(content)
    checkpoint_record.check_free(kept)
    checkpoint_record.remove(kept)
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == mine
    # A name that a checkpoint would get.
    (kept / "checkpoint-1.keras").write_bytes(b"mine")
    settings = TrainingSettings(epochs=1, validation=100)
    with pytest.raises(TrainingError, match=r"checkpoint-1\.keras: would be overwritten, but no record shows"):
        loop.train(settings, few_images, kept, resume=False, callbacks=[])
    assert (kept / "checkpoint-1.keras").read_bytes() == b"mine"


def test_a_foreign_checkpoint_json_is_not_overwritten(tmp_path: Path, few_images: Dataset) -> None:
    (tmp_path / "checkpoint.json").write_text('{"mine": 1}')
    with pytest.raises(TrainingError, match=re.escape("checkpoint.json: damaged, edited or written by an older")):
        loop.train(TrainingSettings(epochs=1, validation=100), few_images, tmp_path, resume=False, callbacks=[])
    assert (tmp_path / "checkpoint.json").read_text() == '{"mine": 1}'


def test_locking_removes_temporary_files_of_fmnist_train_only(tmp_path: Path) -> None:
    ours = (
        ".model.keras.ab12cd_3.part",
        ".model.keras.ab12cd_3.part.keras",
        ".training.json.abcdefgh.part",
        ".checkpoint.json.abcdefgh.part",
        ".checkpoint-12.keras.abcdefgh.part.keras",
        "figures/.confusion.png.abcdefgh.part",
    )
    others = (
        ".model.keras.ab12cd_3",
        ".model.keras.part",
        ".notes.txt.abcdefgh.part",
        "model.keras.abcdefgh.part",
        ".checkpoint-best.keras.abcdefgh.part",
        "figures/mine.png",
    )
    (tmp_path / "figures").mkdir()
    for name in (*ours, *others):
        (tmp_path / name).write_text("x")
    for folder, inside in ((".training.json.abcdefgh", "training.json"), (".checkpoint.json.abcdefgh", "mine.txt")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / inside).write_text("x")
    target = tmp_path / "target"
    target.write_text("x")
    (tmp_path / ".model.keras.00000000.part").symlink_to(target)
    with output_folder.lock(tmp_path):
        pass
    assert not any((tmp_path / name).exists() for name in ours)
    assert all((tmp_path / name).read_text() == "x" for name in others)
    assert not (tmp_path / ".training.json.abcdefgh").exists()
    assert (tmp_path / ".checkpoint.json.abcdefgh" / "mine.txt").exists()
    assert (tmp_path / ".model.keras.00000000.part").is_symlink()
    assert target.read_text() == "x"


def test_resume_refuses_an_edited_checkpoint_in_one_line(kept: Path) -> None:
    np.save(kept / "mine.npy", np.zeros(3))
    _replaced("checkpoint.json", b'"seed": 3', b'"seed": 4')(kept)
    result = run_command("fmnist-train", "-o", kept, "--resume")
    assert_fails(result, 1, "checkpoint.json: not as fmnist-train writes it (damaged or edited", START_OVER)
    assert (kept / "mine.npy").exists()
