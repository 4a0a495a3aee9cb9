"""The data set of a model: Fashion-MNIST by default, else the IDX files of a folder."""

from pathlib import Path

from fmnist_runtime.data import fashion_mnist, idx_folder
from fmnist_runtime.data.dataset import Dataset


def load(folder: Path | None = None) -> Dataset:
    """The data set in `folder`; without a folder Fashion-MNIST, wherever it is found.

    Raises DataError as idx_folder.read and fashion_mnist.locate_or_download do.
    """
    return idx_folder.read(folder if folder is not None else fashion_mnist.locate_or_download())
