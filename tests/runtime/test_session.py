"""A model that opens and then fails: NaN weights, a failure on some images, another interface."""

from pathlib import Path

import numpy as np
import pytest
from tiny_model import TINY

from fmnist_runtime import Classifier, session
from fmnist_runtime.errors import (
    InferenceError,
    InterfaceError,
    InvalidOutputError,
)
from fmnist_runtime.flatbuffer import graph
from fmnist_runtime.model import model_file


def test_nan_weights_of_a_plain_file_are_refused_at_the_answer(tmp_path: Path, tiny: bytes) -> None:
    """A plain file can't show that a weight was changed, but NaN is never an answer."""
    model = graph.read(tiny)
    weights = next(tensor.data for tensor in model.tensors if tensor.shape == (10, 4))
    for damage in (b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\xff\xff\x7f\x7f"):
        content = bytearray(tiny)
        content[weights.start : weights.end] = damage * 40
        (tmp_path / "nan.tflite").write_bytes(content)
        with pytest.raises(InvalidOutputError, match="not numbers"):
            Classifier(tmp_path / "nan.tflite").index(np.full((28, 28), 255, np.uint8))


def test_nan_weights_of_a_described_file_are_refused_at_the_start(tmp_path: Path) -> None:
    file = model_file.read(TINY)
    assert file.labels is not None
    weights = next(tensor.data for tensor in file.graph.tensors if tensor.shape == (10, 4))
    content = bytearray(file.flatbuffer)
    content[weights.start : weights.end] = b"\0\0\xc0\x7f" * 40
    described = model_file.describe(bytes(content), file.labels, input={"range": [0, 1]})
    (tmp_path / "nan.tflite").write_bytes(model_file.pack(bytes(content), file.labels, described))
    with pytest.raises(InvalidOutputError, match="not numbers"):
        Classifier(tmp_path / "nan.tflite")


def test_a_failure_on_some_images_is_an_inference_error() -> None:
    def gather() -> None:
        raise RuntimeError("gather index out of bounds\nNode number 3 (GATHER) failed to invoke.")

    with pytest.raises(
        InferenceError, match=r"^x.tflite: the model fails on this image \(gather index out of bounds\);"
    ):
        session._guarded(gather, Path("x.tflite"))()


def test_another_input_shape_is_an_interface_error(tmp_path: Path, tiny: bytes) -> None:
    model = graph.read(tiny)
    shape = tiny.index(b"\3\0\0\0\1\0\0\0\x1c\0\0\0\x1c\0\0\0")
    content = bytearray(tiny)
    content[shape + 8] = 27
    (tmp_path / "other.tflite").write_bytes(content)
    assert model.tensors[model.inputs[0]].shape == (1, 28, 28)
    with pytest.raises(InterfaceError, match=r"\(1, 27, 28\)"):
        Classifier(tmp_path / "other.tflite")
