"""A folder of IDX files is a data set; one that does not fit is refused."""

from pathlib import Path

import digits
import numpy as np
import pytest

from fmnist_export.source import data_sets
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import DataError


def test_a_folder_of_idx_files_is_a_data_set(tmp_path: Path) -> None:
    found = data_sets.load(digits.write(tmp_path / "digits"))
    assert (found.name, found.classes, found.class_names) == ("digits", 10, None)
    assert (len(found.train.images), len(found.test.labels)) == (1500, 500)
    whole = data_sets.load()
    assert (whole.name, whole.classes, whole.class_names[9]) == ("fashion-mnist", 10, "Ankle boot")
    # What is Fashion-MNIST's in part is a damaged Fashion-MNIST, and no other data set.
    name = "t10k-labels-idx1-ubyte"
    (tmp_path / "digits" / name).unlink()
    (tmp_path / "digits" / f"{name}.gz").write_bytes((whole.source / f"{name}.gz").read_bytes())
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte: SHA-256 .*is Fashion-MNIST's"):
        data_sets.load(tmp_path / "digits")


@pytest.mark.parametrize(
    ("train", "words"),
    [
        (Split(np.zeros((3, 32, 32), np.uint8), np.zeros(3, np.uint8)), r"are \(3, 32, 32\), expected \(N, 28, 28\)"),
        (Split(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8)), r"are \(0, 28, 28\)"),
        (Split(np.zeros((3, 28, 28), np.uint8), np.zeros(4, np.uint8)), r"3 train images and labels of shape \(4,\)"),
    ],
)
def test_idx_files_of_other_shapes_are_refused(train: Split, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        data_sets.load(digits.write(tmp_path / "odd", train=train))
