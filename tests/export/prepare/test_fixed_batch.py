"""Copies for the converter give the outputs of the loaded model, or are refused with the layer's name."""

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs the extra [train]")
import keras_models as models  # noqa: E402
from keras import layers  # noqa: E402

from fmnist_export import pipeline  # noqa: E402
from fmnist_export.prepare import equalization, rounding  # noqa: E402
from fmnist_export.prepare.fixed_batch import (  # noqa: E402
    check_copy,
    float32_copy,
    with_fixed_batch,
)
from fmnist_keras import inference  # noqa: E402
from fmnist_keras.comparison import model_difference  # noqa: E402
from fmnist_runtime.errors import (  # noqa: E402
    ModelCopyError,
)

SHAPE = (28, 28)


def _pixels() -> np.ndarray:
    return models.dataset().train.images[:500].astype(np.float32)


def _adapted(images: np.ndarray, **options) -> "layers.Normalization":
    normalization = layers.Normalization(**options)
    normalization.adapt(images)
    return normalization


def _sequence(*parts, shape=SHAPE) -> "keras.Model":
    return keras.Sequential([keras.Input(shape), *parts])


def _dense() -> list:
    return [layers.Flatten(), layers.Dense(24, "relu"), layers.Dense(10, "softmax")]


def _nested() -> "keras.Model":
    body = _sequence(_adapted(_pixels(), axis=None), layers.Flatten())
    return _sequence(body, layers.Dense(24, "relu"), layers.Dense(10, "softmax"))


def _nested_twice() -> "keras.Model":
    inner = _sequence(_adapted(_pixels(), axis=None))
    return _sequence(_sequence(inner, layers.Flatten()), layers.Dense(24, "relu"), layers.Dense(10, "softmax"))


def _functional() -> "keras.Model":
    image = keras.Input((*SHAPE, 1))
    x = _adapted(_pixels()[..., np.newaxis])(image)
    x = layers.Conv2D(6, 3, strides=2, activation="relu")(x)
    return keras.Model(image, layers.Dense(10, "softmax")(layers.Flatten()(x)))


def _in_the_middle() -> "keras.Model":
    hidden = np.random.default_rng(1).normal(3, 2, (500, 24)).astype(np.float32)
    return _sequence(layers.Flatten(), layers.Dense(24, "relu"), _adapted(hidden), layers.Dense(10, "softmax"))


STATEFUL = {
    "one mean": lambda: _sequence(_adapted(_pixels(), axis=None), *_dense()),
    "a mean for each column": lambda: _sequence(_adapted(_pixels()), *_dense()),
    "a mean for each pixel": lambda: _sequence(_adapted(_pixels(), axis=(1, 2)), *_dense()),
    "behind a Rescaling": lambda: _sequence(layers.Rescaling(1 / 255), _adapted(_pixels() / 255, axis=None), *_dense()),
    "inverted": lambda: _sequence(_adapted(_pixels() / 255, axis=None, invert=True), *_dense()),
    "behind Flatten": lambda: _sequence(layers.Flatten(), _adapted(_pixels().reshape(500, -1)), *_dense()[1:]),
    "in a model inside": _nested,
    "in a model inside a model inside": _nested_twice,
    "in a functional model": _functional,
    "in the middle": _in_the_middle,
    "bins": lambda: _sequence(
        layers.Flatten(), layers.Discretization(bin_boundaries=[50.0, 100.0]), layers.Rescaling(0.5), *_dense()[1:]
    ),
}


def _adapted_bins() -> "keras.Model":
    bins = layers.Discretization(num_bins=4)
    bins.adapt(_pixels().reshape(500, -1))
    return _sequence(layers.Flatten(), bins, layers.Rescaling(0.5), *_dense()[1:])


STATEFUL["adapted bins"] = _adapted_bins


@pytest.mark.slow
@pytest.mark.parametrize("place", STATEFUL)
def test_copies_have_the_state_of_layers_that_derive_or_keep_some(place: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    STATEFUL[place]().save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    images = _pixels()[:64].reshape(-1, *model.input_shape[1:])
    expected = model.predict(images, verbose=0)
    for copy in (with_fixed_batch(model, images), float32_copy(model, images)):
        np.testing.assert_allclose(inference.predict(copy, images), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(model.predict(images, verbose=0), expected)


def test_a_copy_by_clone_model_and_set_weights_differs() -> None:
    """What the test above would not notice, if Keras changed."""
    model, images = STATEFUL["one mean"](), _pixels()[:64]
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    assert model_difference(model, copy, images)


def test_a_copy_that_differs_is_refused_with_the_layers_name() -> None:
    model, images = models.trained("sequential"), models.dataset().train.images[:64] / np.float32(255)
    copy = float32_copy(model, images)
    hidden = copy.layers[1]
    hidden.set_weights([weight * 0.9 for weight in hidden.get_weights()])
    with pytest.raises(ModelCopyError, match=rf"first in layer {hidden.name} \(Dense\)\)") as caught:
        check_copy(model, copy, images)
    assert "its outputs differ by 0." in str(caught.value)


def test_equalized_units_give_the_same_outputs() -> None:
    model, images = models.trained("functional_logits"), models.dataset().train.images[:500] / np.float32(255)
    _, factors = rounding.prepare(model, images)
    assert factors
    copy = equalization.equalized_copy(model, factors, images)
    assert model_difference(model, copy, images) is None
    wrong = {name: divisors * 1.5 for name, divisors in factors.items()}
    assert model_difference(model, equalization.equalized_copy(model, wrong, images), images) is None
    (name, *_) = factors
    copy.get_layer(name).set_weights([weight * 1.5 for weight in copy.get_layer(name).get_weights()])
    assert model_difference(model, copy, images)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["one mean", "in a model inside", "in a functional model", "behind a Rescaling"])
def test_the_proof_compares_with_the_keras_file_itself(place: str, tmp_path: Path) -> None:
    """The worst of all: the proof said 1.0000 against a copy, and the file was another model's."""
    keras.utils.set_random_seed(1)
    models.fit(STATEFUL[place](), 0, 255).save(tmp_path / "model.keras")
    test = models.dataset().test
    model = keras.models.load_model(tmp_path / "model.keras")
    answers = model.predict(test.images.reshape(-1, *model.input_shape[1:]), verbose=0).argmax(axis=1)
    (file,) = pipeline.export(tmp_path / "model.keras", tmp_path, models.dataset())
    (proof,) = file.proofs
    assert proof.keras_accuracy == np.mean(answers == test.labels) > 0.7
    assert (proof.agreement, proof.accuracy) == (1, proof.keras_accuracy)
    assert file.description["input"]["range"] == [0, 255]
    assert file.description["input"]["range_reason"].startswith("the model begins with ")
