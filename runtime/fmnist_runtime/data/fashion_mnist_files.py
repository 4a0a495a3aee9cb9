"""The files of Fashion-MNIST in a folder, checked by the SHA-256 of their decompressed bytes.

The digests are those of the decompressed files that the data set's authors publish (zalandoresearch/fashion-mnist).
The .gz files differ between distributors, so they are not checked themselves.

This module looks for no other folder and downloads nothing (fmnist_runtime.data.fashion_mnist).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import DataError
from fmnist_runtime.images import idx
from fmnist_runtime.system.digests import sha256

NAME = "fashion-mnist"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")

DIGESTS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}

# The size of each decompressed file: an IDX header and 784 or 1 bytes an image. No more is ever unpacked.
SIZES = {
    "train-images-idx3-ubyte": 16 + 60_000 * 784,
    "train-labels-idx1-ubyte": 8 + 60_000,
    "t10k-images-idx3-ubyte": 16 + 10_000 * 784,
    "t10k-labels-idx1-ubyte": 8 + 10_000,
}


def read_training_split(folder: Path) -> Split:
    """The 60,000 training images of the data set in `folder`. Raises DataError as `read_file` does."""
    return Split(read_file(folder, "train-images-idx3-ubyte"), read_file(folder, "train-labels-idx1-ubyte"))


def read_test_split(folder: Path) -> Split:
    """The 10,000 test images of the data set in `folder`. Raises DataError as `read_file` does."""
    return Split(read_file(folder, "t10k-images-idx3-ubyte"), read_file(folder, "t10k-labels-idx1-ubyte"))


def read_file(folder: Path, name: str) -> NDArray[np.uint8]:
    """The array in `folder`/`name` or `folder`/`name`.gz, where `name` is a key of DIGESTS.

    Raises DataError where the file is missing, unreadable, or not byte for byte the published one.
    """
    path = find_file(folder, name)
    content = idx.read_bytes(path, SIZES[name])
    digest = sha256(content)
    if digest != DIGESTS[name]:
        raise DataError(
            f"{path}: SHA-256 of the decompressed bytes is {digest[:12]}…, expected {DIGESTS[name][:12]}…; "
            f"the file is damaged or not Fashion-MNIST, copy or download it again"
        )
    return idx.parse(content, str(path))


def find_file(folder: Path, name: str) -> Path:
    """The path of the file `name` or `name`.gz in `folder`. Raises DataError where neither exists."""
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    found = f"contains neither {name}.gz nor {name}" if folder.is_dir() else "the folder does not exist"
    raise DataError(f"{folder}: {found}; expected the four IDX files of Fashion-MNIST")
