"""The data set that a model is for: Fashion-MNIST where nothing is named, else the IDX files of a folder."""

from pathlib import Path

from fmnist_runtime.data import fashion_mnist, idx_folder
from fmnist_runtime.data.dataset import Dataset


def load(folder: Path | None = None) -> Dataset:
    """The data set in `folder`; without one Fashion-MNIST, from wherever it is. Raises DataError as those do."""
    return idx_folder.read(folder if folder is not None else fashion_mnist.locate_or_download())
