"""The number of steps in a call, and the tutorial's model."""

import pytest

from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES


def test_steps_per_call_is_the_largest_allowed_divisor_of_the_epoch() -> None:
    pytest.importorskip("tensorflow")
    from fmnist_train.training.compilation import steps_per_call

    assert steps_per_call(1750) == 250
    assert steps_per_call(1875) == 125
    assert steps_per_call(7) == 7
    assert steps_per_call(1719) == 191
    assert steps_per_call(1009) == 1


def test_the_mlp_has_the_layers_of_the_tutorials_model() -> None:
    from fmnist_train.models.networks import MODELS

    model = MODELS["mlp"]()
    assert [type(layer).__name__ for layer in model.layers] == ["Flatten", "Dense", "Dense"]
    assert [layer.activation.__name__ for layer in model.layers[1:]] == ["relu", "softmax"]
    assert [layer.units for layer in model.layers[1:]] == [128, len(CLASS_NAMES)]
    assert model.count_params() == 101770
