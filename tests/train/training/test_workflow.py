"""A training in its folder: it is alone there, and neither Ctrl-C nor a late failure loses what was done."""

import json
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from helpers import BIN, assert_fails, run_command  # noqa: E402
from odd_builders import HEAD  # noqa: E402
from waiting import HANG_SECONDS  # noqa: E402

from fmnist_runtime.data.dataset import Dataset, Split  # noqa: E402
from fmnist_runtime.errors import TrainingError  # noqa: E402
from fmnist_train.models import builder_checks  # noqa: E402
from fmnist_train.models.settings import TrainingSettings  # noqa: E402
from fmnist_train.training import loop, results, validation  # noqa: E402

# Each runs the real training.
pytestmark = pytest.mark.slow

FEW = ("--epochs", 1, "--validation", 58000)

# Ctrl-C, pressed at a moment of the training: as the program comes to a function of its own.
PRESSED = """
import signal
from fmnist_train import figures
from fmnist_train.training import checkpoints, results
def press(module, name):
    whole = getattr(module, name)
    def pressed(*arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        return whole(*arguments, **options)
    setattr(module, name, pressed)
{when}
def build(): return end()
"""


@pytest.mark.parametrize(
    ("when", "expected", "left"),
    [
        (
            "os.kill(os.getpid(), signal.SIGINT)",
            "interrupted before the first epoch was finished; nothing was kept",
            (),
        ),
        (
            "press(results, 'metrics')",
            "1 of 1 epochs are kept in {folder}/checkpoint-1.keras: fmnist-train -o {folder} --resume continues",
            ("checkpoint-1.keras", "checkpoint.json"),
        ),
        (
            "press(results, '_record')",
            "1 of 1 epochs are kept in {folder}/checkpoint-1.keras",
            ("checkpoint-1.keras", "checkpoint.json"),
        ),
        (
            "press(figures, 'curves')",
            "interrupted while the figures were drawn; model.keras and training.json are written to {folder}",
            ("figures", "model.keras", "training.json"),
        ),
    ],
)
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(
    when: str, expected: str, left: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(HEAD + PRESSED.format(when=when))
    folder = tmp_path / "out"
    result = run_command("fmnist-train", "--model", f"{tmp_path}/own.py:build", *FEW, "-o", folder)
    assert_fails(result, 130, "interrupted", expected.format(folder=folder))
    assert {path.name for path in folder.iterdir()} == {*left, ".fmnist-train.lock"}


def test_a_folder_in_use_is_refused_and_one_of_a_killed_training_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    first = subprocess.Popen([BIN / "fmnist-train", "--epochs", "50", "-o", folder], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + HANG_SECONDS
        while not (folder / "checkpoint.json").exists():
            assert time.monotonic() < deadline
            assert first.poll() is None
            time.sleep(0.05)
        for options in ((), ("--resume",)):
            second = run_command("fmnist-train", *FEW, "-o", folder, *options)
            assert_fails(second, 1, f"{folder}: in use by fmnist-train (process {first.pid})", "choose another folder")
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    (folder / ".model.keras.abcdefgh.part.keras").write_bytes(b"half")
    third = run_command("fmnist-train", *FEW, "-o", folder)
    assert third.returncode == 0, third.stderr
    assert {path.name for path in folder.iterdir()} == {
        ".fmnist-train.lock",
        "figures",
        "model.keras",
        "training.json",
    }


def test_model_and_record_are_written_where_figures_cannot_be_drawn(tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("mine")
    result = run_command("fmnist-train", *FEW, "-o", tmp_path)
    assert_fails(result, 1, "the figures cannot be drawn", "model.keras and training.json are written")
    assert (tmp_path / "figures").read_text() == "mine"
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["model_sha256"] == results.sha256((tmp_path / "model.keras").read_bytes())


def test_a_reader_that_leaves_does_not_end_the_training(tmp_path: Path) -> None:
    command = f"{BIN}/fmnist-train --epochs 1 --validation 58000 -o {tmp_path}/out | head -1"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("training images (60000, 28, 28)")
    assert "Traceback" not in result.stderr
    assert (tmp_path / "out" / "figures" / "confusion.png").exists()


# A layer that is what its file says before the training, and keeps for itself what it learns.
DRIFTING = """
import tensorflow as tf
class Drift(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seen = tf.Variable(0.0)
    def call(self, x, training=None):
        if training: self.seen.assign_add(1.0)
        return x * (1 + self.seen)
def build(): return end(Drift(), layers.Dense(20, "relu"))
"""


def test_a_file_that_is_not_the_trained_model_is_not_published(tmp_path: Path, few_images: Dataset) -> None:
    path = tmp_path / "own.py"
    path.write_text(HEAD + DRIFTING)
    (tmp_path / "training.json").write_text("before")
    settings = TrainingSettings(model=f"{path}:build", epochs=1, validation=100, learning_rate=0.01)
    builder_checks.check(settings, {})
    trained = loop.train(settings, few_images, tmp_path, resume=False, callbacks=[])
    with pytest.raises(TrainingError, match="the file that Keras wrote is not the trained model") as caught:
        results.save(trained, few_images, tmp_path)
    assert "nothing was published" in str(caught.value)
    assert not (tmp_path / "model.keras").exists()
    assert (tmp_path / "training.json").read_text() == "before"
    assert (tmp_path / "checkpoint-1.keras").exists()


def test_a_loss_of_nan_and_a_failing_step_end_the_training_with_a_way_out(tmp_path: Path, few_images: Dataset) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        HEAD + "def loss(y, p): return keras.ops.mean(p) * float('nan')\n"
        "def build():\n    model = end()\n    model.compile('sgd', loss)\n    return model\n"
    )
    settings = TrainingSettings(model=f"{path}:build", epochs=1, validation=100)
    with pytest.raises(
        TrainingError, match=r"the loss of epoch 1 is nan, expected a finite number; give a lower --lear"
    ):
        loop.train(settings, few_images, tmp_path, resume=False, callbacks=[])
    path.write_text(
        HEAD + "def fails(y, p): raise RuntimeError('in a step')\n"
        "def build():\n    model = end()\n    model.compile('sgd', fails)\n    return model\n"
    )
    with pytest.raises(TrainingError, match="a training step fails with RuntimeError: in a step; mend the model"):
        loop.train(settings, few_images, tmp_path, resume=False, callbacks=[])


def test_a_checkpoint_of_a_changed_builder_is_refused(tmp_path: Path, few_images: Dataset) -> None:
    path = tmp_path / "own.py"
    path.write_text(HEAD + "def build(): return end()\n")
    settings = TrainingSettings(model=f"{path}:build", epochs=1, validation=100)
    loop.train(settings, few_images, tmp_path, resume=False, callbacks=[])
    path.write_text(HEAD + "def build(): return end(layers.Dense(3))\n")
    with pytest.raises(
        TrainingError, match=r"own\.py is another file than the one that the checkpoint was trained with"
    ):
        loop.train(settings, few_images, tmp_path, resume=True, callbacks=[])


def test_mirroring_is_clearly_worse_only_beyond_chance(few_images: Dataset) -> None:
    class Fixed:
        """A model with the given answers."""

        def __init__(self, answers: np.ndarray) -> None:
            self.answers = np.eye(10, dtype=np.float32)[answers]

        def predict(self, *_: object, **__: object) -> np.ndarray:
            return self.answers

    labels = np.zeros(100, np.uint8)
    split = Split(few_images.test.images[:100], labels)
    right, wrong = np.zeros(100, np.int64), np.zeros(100, np.int64)
    wrong[:10] = 1
    assert validation.compare(Fixed(wrong), Fixed(right), split) == (0.9, 1.0, True)
    assert validation.compare(Fixed(right), Fixed(wrong), split) == (1.0, 0.9, False)
    wrong[:] = 0
    wrong[:3] = 1
    # Three images of a hundred are chance.
    assert not validation.compare(Fixed(wrong), Fixed(right), split).is_clearly_worse
