from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from fmnist_runtime.errors import TrainingError  # noqa: E402
from fmnist_train.distillation import load_teacher, mixed, smoothed  # noqa: E402
from fmnist_train.models import mlp  # noqa: E402


def test_smoothed_labels() -> None:
    targets = smoothed(np.array([3, 0], np.uint8), 0.1)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(targets[0], [0.01, 0.01, 0.01, 0.91, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01], atol=1e-6)
    np.testing.assert_array_equal(smoothed(np.array([9], np.uint8), 0), np.eye(10, dtype=np.float32)[9:])


def test_the_teachers_answers_are_mixed_in(tmp_path: Path) -> None:
    mlp().save(tmp_path / "teacher.keras")
    teacher = load_teacher(tmp_path / "teacher.keras")
    images = np.random.default_rng(1).random((1500, 28, 28), np.float32)
    labels = smoothed(np.zeros(1500, np.uint8), 0)
    answers = teacher.predict(images, verbose=0)
    np.testing.assert_allclose(mixed(labels, teacher, images, 0.7), 0.3 * labels + 0.7 * answers, atol=1e-6)
    np.testing.assert_array_equal(mixed(labels, teacher, images, 0), labels)


def test_what_is_no_teacher_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no such file"):
        load_teacher(tmp_path / "none.keras")
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(TrainingError, match="not a model that Keras can load"):
        load_teacher(tmp_path / "text.keras")
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)]).save(tmp_path / "other.keras")
    with pytest.raises(TrainingError, match=r"takes \(None, 5\) and gives \(None, 3\)"):
        load_teacher(tmp_path / "other.keras")
