import gzip
import shutil
from pathlib import Path

import pytest

from fmnist_runtime.data import fashion_mnist_files
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import DataError


def test_the_test_split_has_1000_images_of_each_class(test_split: Split) -> None:
    assert test_split.images.shape == (10000, 28, 28)
    assert test_split.images.dtype == test_split.labels.dtype == "uint8"
    assert [int((test_split.labels == label).sum()) for label in range(10)] == [1000] * 10


def test_a_file_without_gz_is_read(data_folder: Path, tmp_path: Path) -> None:
    source = fashion_mnist_files.find_file(data_folder, "t10k-labels-idx1-ubyte")
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(gzip.decompress(source.read_bytes()))
    assert len(fashion_mnist_files.read_file(tmp_path, "t10k-labels-idx1-ubyte")) == 10000


def test_one_changed_byte_is_named(data_folder: Path, tmp_path: Path) -> None:
    content = bytearray(
        gzip.decompress(fashion_mnist_files.find_file(data_folder, "t10k-labels-idx1-ubyte").read_bytes())
    )
    content[5000] ^= 1
    path = tmp_path / "t10k-labels-idx1-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"labels-idx1-ubyte: SHA-256 .* expected 0402a96d92fd"):
        fashion_mnist_files.read_file(tmp_path, "t10k-labels-idx1-ubyte")


def test_a_missing_file_is_named(data_folder: Path, tmp_path: Path) -> None:
    shutil.copy(fashion_mnist_files.find_file(data_folder, "t10k-images-idx3-ubyte"), tmp_path)
    with pytest.raises(DataError, match=r"neither t10k-labels-idx1-ubyte.gz nor"):
        fashion_mnist_files.read_test_split(tmp_path)
