import numpy as np
import pytest

keras = pytest.importorskip("keras")

from fmnist_train.models.networks import cnn_nano  # noqa: E402
from fmnist_train.models.normalization import FusedBatchNormalization, fused, plain  # noqa: E402


def test_a_training_step_gives_what_keras_own_layer_gives() -> None:
    keras.utils.set_random_seed(1)
    own = cnn_nano()
    faster = fused(own)
    images = np.random.default_rng(1).random((64, 28, 28), np.float32)
    labels = np.arange(64) % 10
    for model in (own, faster):
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", jit_compile=False)
        model.train_on_batch(images, labels)
    assert any(isinstance(layer, FusedBatchNormalization) for layer in faster.layers)
    # The stored variance is the sample's, N / (N - 1) of the batch's: 64 images of 7x7 are 3,136.
    for ours, theirs in zip(faster.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-5)


def test_the_trained_model_is_made_of_keras_own_layers() -> None:
    faster = fused(cnn_nano())
    given_back = plain(faster)
    kinds = {type(layer) for layer in given_back.layers}
    assert keras.layers.BatchNormalization in kinds
    assert FusedBatchNormalization not in kinds
    images = np.random.default_rng(2).random((8, 28, 28), np.float32)
    np.testing.assert_array_equal(given_back.predict(images, verbose=0), faster.predict(images, verbose=0))


def test_what_the_kernel_cannot_do_stays_as_it_is() -> None:
    flat = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.BatchNormalization()])
    assert fused(flat) is flat
    unscaled = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.BatchNormalization(scale=False)])
    assert fused(unscaled) is unscaled
