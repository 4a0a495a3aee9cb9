"""Copies of models: every kind of state comes along, and a copy that is another model is refused by name."""

import re
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import stateful_models  # noqa: E402

from fmnist_keras import copies  # noqa: E402
from fmnist_runtime.errors import TrainingError  # noqa: E402
from fmnist_train.models import keras_files  # noqa: E402
from fmnist_train.models.mirroring import mirrored  # noqa: E402
from fmnist_train.models.normalization import rebuilt  # noqa: E402


@pytest.mark.parametrize("name", stateful_models.BODIES)
def test_a_copy_is_the_model_whatever_its_layers_keep(name: str) -> None:
    model = stateful_models.build(name)
    copy = rebuilt(model)
    assert copy is not model
    images = copies.real_images(model)
    np.testing.assert_array_equal(copies.answer(copy, images), copies.answer(model, images))
    copies.check(model, copy, "for a test")
    # What was carried over is the copy's own.
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    assert copies.answer(copy, images).std() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in stateful_models.BODIES if "Normalization" in name])
def test_the_mirrored_model_has_the_state_too(name: str) -> None:
    model = stateful_models.build(name)
    if name in ("Normalization per pixel", "Normalization per column"):
        # A mean that differs from left to right: still that of both sides, only no image and its mirror image alike.
        assert not np.allclose(*(copies.answer(model, copies.real_images(model)[:, :, ::step]) for step in (1, -1)))
    images = copies.real_images(model)
    of_one, of_mirrored = (np.log(copies.answer(model, each) + 1e-30) for each in (images, images[:, :, ::-1]))
    mean = np.exp((of_one + of_mirrored) / 2)
    expected = mean / mean.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(copies.answer(mirrored(model), images), expected, atol=2e-5)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("Normalization", "normalization (Normalization)"),
        ("Normalization per pixel", "normalization (Normalization)"),
        ("Normalization behind a Rescaling", "normalization (Normalization)"),
        ("Normalization nested", "inner/normalization (Normalization)"),
        ("Normalization nested twice", "inner/inner/normalization (Normalization)"),
        ("Normalization in a functional one", "inner/normalization (Normalization)"),
        ("Normalization in another layer", "both (Both)"),
        ("own derived", "shift (Shift)"),
        ("own table", "table (Table)"),
    ],
)
def test_what_clone_model_and_set_weights_make_of_it_is_refused_by_the_layers_name(name: str, layer: str) -> None:
    keras.backend.clear_session()
    model = stateful_models.build(name)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    with pytest.raises(TrainingError, match=re.escape(f"first in layer {layer}")) as caught:
        copies.check(model, copy, "for a test")
    assert "model: its copy for a test is another model (its outputs differ by" in str(caught.value)


def test_a_dense_with_lora_and_one_of_int8_are_copied() -> None:
    lora = stateful_models.build("LayerNormalization")
    lora.layers[-1].enable_lora(2)
    for weight in lora.layers[-1].trainable_weights:
        weight.assign(np.asarray(weight) + 0.1)
    copy = rebuilt(lora)
    images = copies.real_images(lora)
    np.testing.assert_allclose(copies.answer(copy, images), copies.answer(lora, images), atol=1e-5)
    whole = stateful_models.build("EinsumDense")
    whole.layers[-1].quantize("int8")
    copies.check(whole, rebuilt(whole), "for a test")


def test_differences_are_measured_and_ties_are_no_turned_answers() -> None:
    expected = np.array([[0.5, 0.5, 0], [0.2, 0.7, 0.1]], np.float32)
    assert copies.difference(expected, expected.copy(), 1e-4) is None
    assert copies.difference(expected, expected + np.float32([[0, 5e-5, 0], [0, 0, 0]]), 1e-4) is None
    found = copies.difference(expected, expected[:, ::-1], 1e-4)
    assert found
    assert "differ by 0.5" in found
    assert copies.difference(expected, expected * np.nan, 1e-4)
    assert copies.difference(expected, expected[:, :2], 1e-4) == "outputs of shape (2, 2), expected (2, 3)"
    # Logits of 50 units carry errors of their size.
    assert copies.difference(100 * expected, 100 * expected + 1e-3, 1e-4) is None


def test_layers_that_do_not_fit_are_named() -> None:
    model = stateful_models.build("Conv2D")
    with pytest.raises(TrainingError, match=r"model: \d layers, and \d in its copy"):
        copies.transfer(model, keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(3)]))
    other = keras.models.clone_model(model, clone_function=_wider)
    with pytest.raises(TrainingError, match=r"the state of its layer .* \(Conv2D\) cannot be copied"):
        copies.transfer(model, other)


def _wider(layer: Any) -> Any:
    config = layer.get_config()
    return type(layer).from_config({**config, **({"filters": 4} if "filters" in config else {})})


@pytest.mark.slow
@pytest.mark.parametrize("name", stateful_models.BODIES)
def test_the_file_gives_the_model_back(name: str) -> None:
    model = stateful_models.build(name)
    keras_files.check_round_trip(model, keras_files.objects_of(model))
