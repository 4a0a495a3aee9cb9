"""The pixel range of a model is measured where the result is clear; else it is refused."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs the extra [train]")
from dataclasses import replace  # noqa: E402
from pathlib import Path  # noqa: E402

import keras_models as models  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers, ops  # noqa: E402
from perceptrons import IMAGES, load, load_with_answers, save, train  # noqa: E402

from fmnist_export.source.loaded_model import Statement  # noqa: E402
from fmnist_runtime.data.dataset import Split  # noqa: E402
from fmnist_runtime.errors import ExportError  # noqa: E402
from fmnist_runtime.images import pixel_range  # noqa: E402

LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _binary(labels, outputs):
    return ops.mean(
        keras.losses.binary_crossentropy(ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), 10), outputs)
    )


def _mean_and_std() -> tuple[float, float]:
    shares = models.dataset().train.images[:IMAGES] / np.float32(255)
    return float(shares.mean()), float(shares.std())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-1, 1), (-0.5, 0.5), (1, 0), (None, None)], ids=lambda value: str(value)
)
@pytest.mark.parametrize("kind", ["softmax", "logits"])
def test_the_range_that_a_model_was_trained_on_is_measured(low, high, kind: str, tmp_path: Path) -> None:
    if low is None:
        mean, std = _mean_and_std()
        low, high = -mean / std, (1 - mean) / std
    end, loss = (("softmax",), "sparse_categorical_crossentropy") if kind == "softmax" else ((), LOGITS)
    path = save(train(low, high, layers.Dense(10, *end), loss=loss), tmp_path)
    found = load(path).pixels
    assert found[:2] == pytest.approx((low, high), abs=0.02)
    assert found.reason.startswith("measured on ")


@pytest.mark.slow
@pytest.mark.parametrize(("low_high", "is_clear"), [((0, 1), True), ((-1, 1), False)])
@pytest.mark.parametrize("end", ["sigmoid", "two softmax", "relu", "tanh"])
def test_a_last_layer_that_is_no_single_softmax_does_not_prefer_what_saturates(
    end: str, low_high: tuple[int, int], is_clear: bool, tmp_path: Path
) -> None:
    """The loss of these is lowest at 0..255, whatever they were trained on. -0.5..0.5 is as right as -1..1."""
    ends = {
        "sigmoid": ([layers.Dense(10, "sigmoid")], _binary),
        "two softmax": ([layers.Dense(10, "softmax"), layers.Softmax()], "sparse_categorical_crossentropy"),
        "relu": ([layers.Dense(10, "relu", bias_initializer="ones")], LOGITS),
        "tanh": ([layers.Dense(10, "tanh")], LOGITS),
    }
    parts, loss = ends[end]
    model = train(*low_high, *parts, loss=loss, count=12_000)
    model.compile()
    path = save(model, tmp_path)
    if is_clear:
        assert load(path).pixels[:2] == low_high
    else:
        with pytest.raises(ExportError, match=r"cannot be determined.*--pixels LOW\.\.HIGH"):
            load(path)
    stated = Statement(pixels=pixel_range.create(*low_high, "--pixels"), data_is_given=True)
    assert load(path, stated).pixels[:2] == low_high


@pytest.mark.slow
@pytest.mark.parametrize(("low", "high"), [(0, 2.55), (0, 3), (-0.4242, 2.8215)])
def test_an_unusual_range_is_refused_and_not_replaced(low: float, high: float, tmp_path: Path) -> None:
    """pixel / 100, pixel / 85 and MNIST's mean and deviation: the best of the usual ranges is not theirs."""
    path = save(train(low, high, layers.Dense(10, "softmax")), tmp_path)
    with pytest.raises(ExportError, match=r"cannot be determined.*--pixels LOW\.\.HIGH"):
        load(path)
    _, answers = load_with_answers(path, Statement(pixels=pixel_range.create(low, high, "--pixels")))
    assert answers.accuracy > 0.8


@pytest.mark.slow
def test_a_model_that_normalizes_each_image_takes_any_scale(tmp_path: Path) -> None:
    """0..1 and 0..255 give the very same answers, so either is right."""
    path = save(
        train(0, 255, layers.Dense(10, "softmax"), parts=[layers.Flatten(), layers.UnitNormalization()]), tmp_path
    )
    loaded, answers = load_with_answers(path)
    assert loaded.pixels[:2] == (0, 1)
    assert answers.accuracy > 0.75


@pytest.mark.slow
def test_images_that_come_class_by_class_are_measured_on_all_classes(tmp_path: Path) -> None:
    whole = models.dataset()
    order = np.argsort(whole.train.labels, kind="stable")
    by_class = replace(whole, train=Split(whole.train.images[order], whole.train.labels[order]))
    path = save(train(0, 1, layers.Dense(10, "softmax")), tmp_path)
    assert load(path, dataset=by_class).pixels[:2] == (0, 1)
