"""The first layers of a model state how they scale its pixels."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs the extra [train]")

from keras import layers, ops  # noqa: E402

from fmnist_export.source import first_layers  # noqa: E402

HEADS = {
    "x / 255": (lambda x: x / 255.0, 1 / 255, 0),
    "(x / 255 - 0.286) / 0.353": (lambda x: (x / 255.0 - 0.286) / 0.353, 1 / 255 / 0.353, -0.286 / 0.353),
    "1 - x / 255": (lambda x: 1.0 - x / 255.0, -1 / 255, 1),
    "x * 2 - 1": (lambda x: x * 2.0 - 1.0, 2, -1),
    "subtract": (lambda x: ops.subtract(x, 0.5), 1, -0.5),
    "Rescaling": (layers.Rescaling(1 / 127.5, offset=-1), 1 / 127.5, -1),
    "Rescaling behind augmentation": (
        lambda x: layers.Rescaling(1 / 255)(layers.RandomFlip()(layers.Reshape((28, 28, 1))(x))),
        1 / 255,
        0,
    ),
    "Normalization": (layers.Normalization(mean=100, variance=400, axis=None), 1 / 20, -5),
}


def _functional(first) -> "keras.Model":
    image = keras.Input((28, 28))
    return keras.Model(image, layers.Dense(10, "softmax")(layers.Flatten()(first(image))))


@pytest.mark.parametrize("name", HEADS)
def test_the_scaling_of_the_first_layers_is_read(name: str) -> None:
    first, scale, offset = HEADS[name]
    found = first_layers.read_scaling(_functional(first))
    assert found is not None
    assert found[:2] == pytest.approx((scale, offset))


def test_later_layers_and_branches_state_no_scaling() -> None:
    image = keras.Input((28, 28))
    x = layers.Dense(8, "relu")(image)
    assert (
        first_layers.read_scaling(keras.Model(image, layers.Dense(10)(layers.Flatten()(layers.Rescaling(1 / 255)(x)))))
        is None
    )
    branching = keras.Model(image, layers.Dense(10)(layers.Flatten()(layers.Add()([image / 255.0, image * 2.0]))))
    assert first_layers.read_scaling(branching) is None
