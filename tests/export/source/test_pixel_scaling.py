"""The pixel range is stated, recorded or read from the graph before it is measured."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs the extra [train]")
from pathlib import Path  # noqa: E402

import keras_models as models  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402
from perceptrons import load, save, train, with_record  # noqa: E402

from fmnist_export.source import loaded_model, pixel_scaling, reference_answers  # noqa: E402
from fmnist_export.source.loaded_model import Statement  # noqa: E402
from fmnist_runtime.errors import ExportError  # noqa: E402
from fmnist_runtime.images import pixel_range  # noqa: E402


def test_the_first_layers_decide_without_a_measurement(tmp_path: Path) -> None:
    path = save(train(0, 255, layers.Dense(10, "softmax"), parts=[layers.Rescaling(1 / 255)]), tmp_path)
    found = load(path).pixels
    assert found[:2] == (0, 255)
    assert found.reason == f"the model begins with Rescaling {keras.models.load_model(path).layers[0].name!r}"


def test_a_record_decides_before_a_measurement_and_an_option_before_a_record(tmp_path: Path) -> None:
    path = save(train(-1, 1, layers.Dense(10, "softmax")), tmp_path)
    assert load(with_record(path, pixels=[-1.0, 1.0])).pixels == pixel_range.PixelRange(-1, 1, "training.json")
    stated = Statement(pixels=pixel_range.parse("0..1"))
    assert load(path, stated).pixels == pixel_range.PixelRange(0, 1, "--pixels")
    # fmnist-train has always trained on 0..1, before its records said so.
    assert load(with_record(path)).pixels[:2] == (0, 1)


@pytest.mark.parametrize("odd", [None, 1, [1], [0, 0], [0, 10**400], ["a", 1], {"low": 0}, [0, 1, 2], "01"])
def test_a_record_that_states_no_range_is_refused(odd: object, tmp_path: Path) -> None:
    path = with_record(save(models.sequential(), tmp_path), pixels=odd)
    with pytest.raises(ExportError, match=r"training.json states the pixels .* --pixels LOW\.\.HIGH"):
        load(path)


def test_a_stated_range_that_the_first_layer_contradicts_is_said(tmp_path: Path) -> None:
    path = save(train(0, 255, layers.Dense(10, "softmax"), parts=[layers.Rescaling(1 / 255)]), tmp_path)
    said: list[str] = []
    stated = Statement(pixels=pixel_range.parse("0..1"))
    loaded = loaded_model.load(path, models.dataset(), stated, said.append)
    with pytest.raises(ExportError, match="too few for a model of fashion-mnist"):
        reference_answers.compute(loaded, models.dataset(), stated, said.append)
    assert any(
        line.startswith("warning: the stated pixel range is 0..1 (--pixels), which the model's R") for line in said
    )


def test_inputs_are_the_range_on_each_pixel() -> None:
    pixels = np.array([[[0, 255], [51, 102]]], np.uint8)
    found = pixel_scaling.inputs(pixel_range.create(-1, 1, "x"), pixels, (2, 2, 1))
    assert found.shape == (1, 2, 2, 1)
    np.testing.assert_allclose(found.ravel(), [-1, 1, -0.6, -0.2], atol=1e-6)
