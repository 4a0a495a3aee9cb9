"""Targets of training: smoothed labels, and the cached predictions of teachers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from fmnist_runtime.data.dataset import to_float  # noqa: E402
from fmnist_runtime.errors import TrainingError  # noqa: E402
from fmnist_train.models.distillation import Teachers, load_model, smoothed  # noqa: E402
from fmnist_train.models.networks import mlp  # noqa: E402


def test_smoothing_spreads_a_share_of_each_label_over_all_classes() -> None:
    targets = smoothed(np.array([3, 0], np.uint8), 0.1)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(targets[0], [0.01, 0.01, 0.01, 0.91, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01], atol=1e-6)
    np.testing.assert_array_equal(smoothed(np.array([9], np.uint8), 0), np.eye(10, dtype=np.float32)[9:])


@pytest.fixture
def models(tmp_path: Path) -> list[Any]:
    for name in ("one", "two"):
        mlp().save(tmp_path / f"{name}.keras")
    return [load_model(tmp_path / f"{name}.keras") for name in ("one", "two")]


def test_the_mean_of_the_teachers_predictions_is_mixed_in(models: list[Any]) -> None:
    images = np.random.default_rng(1).integers(0, 256, (1500, 28, 28), np.uint8)
    labels = smoothed(np.zeros(1500, np.uint8), 0)
    index, placement = np.arange(1500), np.zeros(1500, np.int64)
    answers = sum(model.predict(to_float(images), verbose=0) for model in models) / 2
    teachers = Teachers(models, 1500, 1)
    mixed = teachers.mix(labels, images, index, placement, 0.7)
    np.testing.assert_allclose(mixed, 0.3 * labels + 0.7 * answers, atol=1e-6)
    np.testing.assert_array_equal(teachers.mix(labels, images, index, placement, 0), labels)


@pytest.mark.parametrize("placements", [2, 10_000])
def test_a_prediction_is_cached_for_the_same_image_in_the_same_placement(models: list[Any], placements: int) -> None:
    asked = []
    for model in models:
        ask = model.predict_on_batch
        model.predict_on_batch = lambda batch, ask=ask: asked.append(len(batch)) or ask(batch)
    teachers = Teachers(models, 100, placements)
    images = np.random.default_rng(1).integers(0, 256, (4, 28, 28), np.uint8)
    nothing = np.zeros((4, 10), np.float32)
    index, placement = np.array([7, 7, 8, 99]), np.array([0, 1, 1, 0])
    first = teachers.mix(nothing, images, index, placement, 1)
    assert len(asked) == 2
    again = teachers.mix(nothing[:3], images[[2, 0, 1]], index[[2, 0, 1]], placement[[2, 0, 1]], 1)
    np.testing.assert_array_equal(again, first[[2, 0, 1]])
    assert len(asked) == (2 if placements == 2 else 4)
    # New placements are predicted beside cached ones.
    other = teachers.mix(nothing, images[[0, 1, 3, 0]], index, np.array([0, 1, 0, 1]), 1)
    np.testing.assert_array_equal(other, first[[0, 1, 3, 0]])
    assert len(asked) == (4 if placements == 2 else 6)


def test_a_missing_file_no_model_and_another_interface_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no such file"):
        load_model(tmp_path / "none.keras")
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(TrainingError, match="not a model that Keras can load"):
        load_model(tmp_path / "text.keras")
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)]).save(tmp_path / "other.keras")
    with pytest.raises(TrainingError, match=r"takes \(None, 5\) and gives \(None, 3\)"):
        load_model(tmp_path / "other.keras")
