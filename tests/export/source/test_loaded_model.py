"""A model is refused where its classes or its training.json do not match the data set."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs the extra [train]")
from pathlib import Path  # noqa: E402

import digits  # noqa: E402
import keras_models as models  # noqa: E402
from keras import layers  # noqa: E402
from perceptrons import load, save, with_record  # noqa: E402

from fmnist_export.source import data_sets  # noqa: E402
from fmnist_export.source.loaded_model import Statement  # noqa: E402
from fmnist_runtime.errors import ExportError  # noqa: E402


def test_a_record_of_another_data_set_needs_that_data_set(tmp_path: Path) -> None:
    path = with_record(save(models.sequential(), tmp_path), data={"sha256": {"a": "b"}})
    with pytest.raises(
        ExportError, match="names another data set than fashion-mnist; give that data set with --data DIR"
    ):
        load(path)


def test_labels_of_more_classes_than_the_model_has_are_refused(tmp_path: Path) -> None:
    three = keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(3, "softmax")])
    stated = Statement(data_is_given=True, class_names=("a", "b", "c"))
    with pytest.raises(ExportError, match="the model has 3 classes, digits 10"):
        load(save(three, tmp_path), stated, data_sets.load(digits.write(tmp_path / "digits")))
