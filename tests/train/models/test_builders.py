"""A person's own model, through the real command: trained, or refused in one line."""

import json
import re
from pathlib import Path

import pytest
from helpers import assert_fails, run_command

from fmnist_runtime.errors import TrainingError
from fmnist_train.models import builders

HEAD = "import keras\nfrom keras import layers\n"
CNN = """
def build():
    first = [keras.Input((28, 28, 1)), layers.Conv2D(8, 5, strides=4), layers.BatchNormalization(momentum=0.9)]
    return keras.Sequential([*first, layers.Flatten(), layers.Dense(10{end})])
def compiled():
    model = build()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model
def pooled():
    return keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(10, 3), layers.GlobalMaxPool2D()])
def one_hot():
    model = build()
    model.compile("sgd", "categorical_crossentropy")
    return model
"""
# 2,000 images to train on.
FEW = ("--epochs", 1, "--validation", 58000)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file of builders whose models end in logits."""
    path = tmp_path / "own.py"
    path.write_text(HEAD + CNN.format(end=""))
    return path


@pytest.mark.slow
def test_an_uncompiled_model_is_trained_with_the_given_settings(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(HEAD + CNN.format(end=", activation='softmax'"))
    changes = ("--flip", 0.5, "--learning-rate", 0.01)
    result = run_command("fmnist-train", "--model", f"{path}:build", *FEW, *changes, "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["settings"]["model"] == f"{path}:build"
    assert record["settings"]["flip"] == 0.5
    assert len(record["builder_sha256"]) == 64
    assert record["results"]["test_accuracy"] > 0.3


@pytest.mark.slow
def test_a_compiled_model_keeps_its_optimizer_and_loss(own: Path, tmp_path: Path) -> None:
    result = run_command("fmnist-train", "--model", f"{own}:compiled", *FEW, "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["optimizer"] == "SGD"
    assert record["results"]["test_accuracy"] > 0.3
    # Its model answers in logits; the loss is that of the probabilities.
    assert record["results"]["test_loss"] < 2.3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "options", "expected"),
    [
        ("build", (), "does not give probabilities"),
        ("compiled", ("--learning-rate", 0.1), "its model is compiled, which decides --learning-rate already"),
        ("one_hot", (), "the labels are integers 0 to 9"),
        ("none", (), "has no function none"),
        ("pooled", ("--mirror", "--flip", 0.5), "no Dense layer"),
        ("pooled", ("--mirror",), "--mirror with --flip 0: a model that learns from one side"),
        ("build", ("--mirror", "--flip", 1), "--mirror with --flip 1"),
    ],
)
def test_a_model_that_cannot_be_trained_is_refused_with_the_reason(
    own: Path, tmp_path: Path, function: str, options: tuple[object, ...], expected: str
) -> None:
    result = run_command("fmnist-train", "--model", f"{own}:{function}", *options, "-o", tmp_path / "out")
    assert_fails(result, 1, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def build(: pass", "SyntaxError"),
        ("import nothing_that_exists\n", "ModuleNotFoundError"),
        ("raise SystemExit(0)\n", "SystemExit"),
        ("def build():\n    return 3\n", "returned a int, expected a Keras model"),
        ("def build():\n    raise ValueError('no\\nway')\n", "failed with ValueError: no way"),
        ("def build(size):\n    return None\n", "failed with TypeError"),
        (
            HEAD + "def build():\n    return keras.Sequential([keras.Input((5,)), layers.Dense(3)])\n",
            "takes (None, 5) and gives (None, 3)",
        ),
    ],
)
def test_a_builder_that_fails_is_refused_with_the_reason(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(text)
    with pytest.raises(TrainingError, match=re.escape(expected)):
        builders.build(f"{path}:build")


@pytest.mark.slow
def test_a_missing_file_and_an_unknown_name_are_refused(tmp_path: Path) -> None:
    missing = run_command("fmnist-train", "--model", f"{tmp_path}/none.py:build", "-o", tmp_path / "out")
    assert_fails(missing, 1, "no such file")
    unknown = run_command("fmnist-train", "--model", "resnet", "-o", tmp_path / "out")
    assert_fails(
        unknown, 2, "expected mlp, cnn-nano, cnn-micro, cnn-small, cnn-large, first-teacher, list, or FILE.py:FUNCTION"
    )
