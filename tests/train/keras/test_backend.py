"""Keras settings of a person's other programs are overridden with a message, or refused in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import assert_fails, run_command

# Each imports tensorflow in a process of its own.
pytestmark = pytest.mark.slow

pytest.importorskip("keras")

# Prints what is overridden, then what Keras is set to.
PROGRAM = """
from fmnist_keras import backend
backend.load(print)
import keras
c = keras.config
print("|", keras.backend.backend(), c.floatx(), c.epsilon(), c.image_data_format(), c.max_epochs(),
      c.max_steps_per_epoch(), c.dtype_policy().name, keras.layers.Dense(1).compute_dtype)
"""
OURS = "tensorflow float32 1e-07 channels_last None None float32 float32"
USUAL = {"floatx": "float32", "epsilon": 1e-07, "backend": "tensorflow", "image_data_format": "channels_last"}


def _run(home: Path, **variables: str) -> tuple[str, str]:
    """The messages, and what Keras is set to then."""
    environment = {**os.environ, "KERAS_HOME": str(home), **variables}
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=120, check=True
    ).stdout
    said, _, state = output.partition("| ")
    return said, state.strip()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, []),
        ({"KERAS_BACKEND": "jax"}, ["KERAS_BACKEND=jax is set: fmnist-edge needs tensorflow, and uses that"]),
        ({"KERAS_BACKEND": "nothing"}, ["KERAS_BACKEND=nothing is set"]),
        (
            {"KERAS_BACKEND": "torch", "KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "3"},
            [
                "KERAS_BACKEND=torch is set",
                "max_epochs 1 (",
                "max_steps_per_epoch 3 (keras.json or environment): fmnist-edge",
            ],
        ),
    ],
)
def test_environment_variables_are_overridden_with_a_message(
    variables: dict[str, str], expected: list[str], tmp_path: Path
) -> None:
    said, state = _run(tmp_path, **variables)
    assert state == OURS
    assert len(said.splitlines()) == len(expected)
    assert all(words in said for words in expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"backend": "jax"}, ["keras.json names another backend: fmnist-edge needs tensorflow"]),
        ({"floatx": "float16", "image_data_format": "channels_first"}, ["floatx float16", "channels_first"]),
        ({"floatx": "float64", "backend": "torch", "epsilon": 1e-3}, ["another backend", "floatx float64", "epsilon"]),
    ],
)
def test_settings_in_keras_json_are_overridden_with_a_message(
    changes: dict[str, object], expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "keras.json").write_text(json.dumps({**USUAL, **changes}))
    said, state = _run(tmp_path)
    assert state == OURS
    assert len(said.splitlines()) == len(expected)
    assert all(words in said for words in expected)


def test_a_keras_json_that_keras_refuses_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text(json.dumps({**USUAL, "floatx": "float8"}))
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    result = run_command("fmnist-train", "-o", tmp_path / "o", env=environment)
    assert_fails(result, 1, "keras cannot be imported (Invalid `floatx`", str(tmp_path / "keras.json"))
