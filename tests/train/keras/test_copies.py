"""Copies of models have all state of their layers, and a copy that differs is refused with the layer's name."""

import re
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import stateful_models  # noqa: E402

from fmnist_keras import comparison, copies  # noqa: E402
from fmnist_keras.comparison import golden_images  # noqa: E402
from fmnist_keras.inference import call  # noqa: E402
from fmnist_runtime.errors import ModelCopyError  # noqa: E402
from fmnist_train.models import keras_files  # noqa: E402
from fmnist_train.models.mirroring import mirrored  # noqa: E402
from fmnist_train.models.normalization import rebuilt  # noqa: E402


@pytest.mark.parametrize("name", stateful_models.BODIES)
def test_a_copy_gives_equal_outputs_whatever_state_its_layers_have(name: str) -> None:
    model = stateful_models.build(name)
    copy = rebuilt(model)
    assert copy is not model
    images = golden_images(model)
    np.testing.assert_array_equal(call(copy, images), call(model, images))
    comparison.check_same(model, copy, "the copy for a test")
    # What was carried over is the copy's own.
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    assert call(copy, images).std() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in stateful_models.BODIES if "Normalization" in name])
def test_the_mirrored_model_has_the_state_of_the_model(name: str) -> None:
    model = stateful_models.build(name)
    if name in ("Normalization per pixel", "Normalization per column"):
        # A mean that differs from left to right: still that of both sides, only no image and its mirror image alike.
        assert not np.allclose(*(call(model, golden_images(model)[:, :, ::step]) for step in (1, -1)))
    images = golden_images(model)
    of_one, of_mirrored = (np.log(call(model, each) + 1e-30) for each in (images, images[:, :, ::-1]))
    mean = np.exp((of_one + of_mirrored) / 2)
    expected = mean / mean.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(call(mirrored(model), images), expected, atol=2e-5)


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
def test_a_copy_by_clone_model_and_set_weights_is_refused_with_the_layers_name(name: str, layer: str) -> None:
    keras.backend.clear_session()
    model = stateful_models.build(name)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    with pytest.raises(ModelCopyError, match=re.escape(f"first in layer {layer}")) as caught:
        comparison.check_same(model, copy, "the copy for a test")
    assert "model: the copy for a test is another model (its outputs differ by" in str(caught.value)


def test_a_dense_with_lora_and_one_of_int8_are_copied() -> None:
    lora = stateful_models.build("LayerNormalization")
    lora.layers[-1].enable_lora(2)
    for weight in lora.layers[-1].trainable_weights:
        weight.assign(np.asarray(weight) + 0.1)
    copy = rebuilt(lora)
    images = golden_images(lora)
    np.testing.assert_allclose(call(copy, images), call(lora, images), atol=1e-5)
    whole = stateful_models.build("EinsumDense")
    whole.layers[-1].quantize("int8")
    comparison.check_same(whole, rebuilt(whole), "the copy for a test")


def test_differences_are_relative_and_ties_are_not_changed_answers() -> None:
    expected = np.array([[0.5, 0.5, 0], [0.2, 0.7, 0.1]], np.float32)
    assert comparison.difference(expected, expected.copy(), 1e-4) is None
    assert comparison.difference(expected, expected + np.float32([[0, 5e-5, 0], [0, 0, 0]]), 1e-4) is None
    found = comparison.difference(expected, expected[:, ::-1], 1e-4)
    assert found
    assert "differ by 0.5" in found
    assert comparison.difference(expected, expected * np.nan, 1e-4)
    assert comparison.difference(expected, expected[:, :2], 1e-4) == "outputs of shape (2, 2), expected (2, 3)"
    # Logits of 50 units carry errors of their size.
    assert comparison.difference(100 * expected, 100 * expected + 1e-3, 1e-4) is None


def test_layers_that_do_not_match_are_refused_with_their_name() -> None:
    model = stateful_models.build("Conv2D")
    with pytest.raises(ModelCopyError, match=r"model: has \d layers, and its copy \d; build the same model"):
        copies.transfer_state(
            model, keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(3)])
        )
    other = keras.models.clone_model(model, clone_function=_wider)
    with pytest.raises(ModelCopyError, match=r"the state of its layer .* \(Conv2D\) cannot be copied"):
        copies.transfer_state(model, other)


def _wider(layer: Any) -> Any:
    config = layer.get_config()
    return type(layer).from_config({**config, **({"filters": 4} if "filters" in config else {})})


@pytest.mark.slow
@pytest.mark.parametrize("name", stateful_models.BODIES)
def test_a_saved_and_loaded_model_is_the_same(name: str) -> None:
    model = stateful_models.build(name)
    keras_files.check_round_trip(model, keras_files.custom_objects(model))
