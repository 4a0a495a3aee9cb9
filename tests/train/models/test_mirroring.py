"""The mirrored model: its outputs, its file, and the models that cannot be mirrored."""

from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from fmnist_runtime.errors import TrainingError  # noqa: E402
from fmnist_train.models.mirroring import mirrored  # noqa: E402
from fmnist_train.models.networks import MODELS  # noqa: E402

IMAGES = np.random.default_rng(1).random((5, 28, 28), np.float32)


@pytest.mark.parametrize("name", ["mlp", "cnn-nano"])
def test_its_probabilities_are_the_softmax_of_the_mean_of_both_logits(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = MODELS[name]()
    both = mirrored(model)
    of_one, of_mirrored = (np.log(np.asarray(model(images))) for images in (IMAGES, IMAGES[:, :, ::-1]))
    assert np.abs(of_one - of_mirrored).max() > 1e-3
    mean = np.exp((of_one + of_mirrored) / 2)
    expected = mean / mean.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(both(IMAGES), expected, atol=1e-6)
    assert both.count_params() == model.count_params()
    assert (both.name, both.input_shape, both.output_shape) == (model.name, (None, 28, 28), (None, 10))
    # One image at a time, mirrored, and from the file: the same.
    np.testing.assert_allclose(both(IMAGES[:1, :, ::-1]), expected[:1], atol=1e-6)
    both.save(tmp_path / "both.keras")
    loaded = keras.models.load_model(tmp_path / "both.keras")
    np.testing.assert_array_equal(loaded.predict(IMAGES, verbose=0), both.predict(IMAGES, verbose=0))


def test_channel_slices_and_compilation_of_a_model_are_kept() -> None:
    image = keras.Input((28, 28, 1))
    x = keras.layers.Flatten()(image[:, 2:-2, 2:-2])
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(8)(x))
    model = keras.Model(image, keras.layers.Softmax()(keras.layers.Dense(10)(x)))
    model.compile("sgd", "sparse_categorical_crossentropy")
    both = mirrored(model)
    assert both.compiled
    assert type(both.optimizer) is keras.optimizers.SGD
    np.testing.assert_allclose(both(IMAGES[..., None]), both(IMAGES[:, :, ::-1, None]), atol=1e-6)


def test_a_model_that_cannot_be_mirrored_is_refused_with_the_reason() -> None:
    class Own(keras.Model):  # type: ignore[misc]  # keras has no types
        pass

    pooled = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(10, 3), keras.layers.GlobalMaxPool2D()])
    twice = keras.layers.Dense(10)
    flat = keras.Input((28, 28))
    shared = keras.Model(flat, twice(twice(keras.layers.Dense(10)(keras.layers.Flatten()(flat)))))
    rows = keras.Sequential([keras.Input((28, 28)), keras.layers.Dense(10), keras.layers.GlobalMaxPool1D()])
    for model, words in (
        (Own(), "a Own cannot be built again with its images mirrored, expected a Sequential or a functional model"),
        (pooled, "no Dense layer"),
        (shared, "cannot be built again with its images mirrored .its last Dense layer"),
        (rows, "no Dense layer for inputs of"),
    ):
        with pytest.raises(TrainingError, match=words):
            mirrored(model)
