"""Calibration images, the tutorial's model and small models whose last layer is fitted, for the tests of --explain."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explained_models import cnn as build_cnn

from fmnist_export.convert.calibration_sample import CalibrationSample
from fmnist_export.source import keras_model
from fmnist_runtime.data import dataset, fashion_mnist_files
from fmnist_runtime.data.dataset import to_float


@pytest.fixture(scope="module")
def training(data_folder: Path) -> dataset.Split:
    return fashion_mnist_files.read_training_split(data_folder)


@pytest.fixture(scope="module")
def calibration(training: dataset.Split) -> np.ndarray:
    return to_float(CalibrationSample().images(training))


@pytest.fixture(scope="module")
def mlp(trained: Path) -> Any:
    keras_model.import_tensorflow()
    return keras_model.load(trained / "model.keras")


@pytest.fixture(scope="module")
def cnn(training: dataset.Split) -> Any:
    keras_model.import_tensorflow()
    return build_cnn(training)
