"""Where Fashion-MNIST is found, and which place comes first."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fmnist_runtime.data import fashion_mnist
from fmnist_runtime.data.fashion_mnist_files import DIGESTS, find_file
from fmnist_runtime.errors import DataError


def test_the_data_set_has_60000_training_and_10000_test_images(data_folder: Path) -> None:
    loaded = fashion_mnist.load()
    assert loaded.train.images.shape == (60000, 28, 28)
    assert loaded.test.images.shape == (10000, 28, 28)
    assert loaded.train.images.dtype == loaded.train.labels.dtype == np.uint8


def test_a_named_folder_comes_first_and_a_damaged_one_is_named(data_folder: Path, tmp_path: Path) -> None:
    for name in DIGESTS:
        shutil.copy(find_file(data_folder, name), tmp_path)
    assert fashion_mnist.load(tmp_path).source == tmp_path
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte.gz: .*cut short"):
        fashion_mnist.load(tmp_path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neither train-images-idx3-ubyte.gz nor"):
        fashion_mnist.load(tmp_path)


def test_keras_cache_comes_before_debians_package(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name in DIGESTS:
        shutil.copy(find_file(data_folder, name), folder)
    assert fashion_mnist.load().source == folder
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="t10k-labels"):
        fashion_mnist.load()
