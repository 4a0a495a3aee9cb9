"""Fashion-MNIST from the first place that has it: a folder, Keras's cache, Debian's package, a download.

Imports no tensorflow unless a download is needed. `python -m fmnist_train.data` says where the data set is.
"""

import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.commandline import warn
from fmnist_runtime.dataset import (
    DEBIAN_FOLDER,
    DIGESTS,
    Split,
    find_file,
    read_test_split,
    read_training_split,
)
from fmnist_runtime.errors import DataError
from fmnist_train import backend

# What keras.datasets.fashion_mnist.load_data downloads from, and where it keeps the files.
_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_KERAS_FOLDER = Path("datasets", "fashion-mnist")
_DOWNLOAD_SILENCE_SECONDS = 20

# The held-out part is the same for every model and seed, so that what is chosen on it can be compared.
_VALIDATION_SEED = 0


@dataclass(frozen=True)
class FashionMnist:
    """The data set: 60,000 training and 10,000 test images, and the folder that they came from."""

    train: Split
    test: Split
    source: Path


def load(folder: Path | None = None) -> FashionMnist:
    """Fashion-MNIST from `folder`; without one, from Keras's cache, Debian's package or a download, in this order.

    Every file is checked by the SHA-256 of its decompressed bytes. Raises DataError: for `folder` if anything is
    wrong there, else for the first place that has the files and has them damaged, or where there is none at all.
    """
    return _read(folder if folder is not None else find())


def find() -> Path:
    """The folder that has Fashion-MNIST: Keras's cache, Debian's package, or Keras's cache after a download."""
    for source in (keras_cache(), DEBIAN_FOLDER):
        if _present(source):
            return source
    return _download()


def hold_out(split: Split, count: int) -> tuple[Split, Split]:
    """`split` without `count` images, and those: drawn at random, always the same ones.

    Raises DataError where `count` leaves nothing to train on.
    """
    if not 0 <= count < len(split.images):
        raise DataError(f"{count} validation images of {len(split.images)} asked for, expected fewer")
    order = np.random.default_rng(_VALIDATION_SEED).permutation(len(split.images))
    kept, held = np.sort(order[count:]), np.sort(order[:count])
    return _take(split, kept), _take(split, held)


def to_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`images`, uint8 of any shape, as float32 in 0..1: pixel / 255, rounded once, as the tutorial scales them."""
    return images.astype(np.float32) / np.float32(255)


def keras_cache() -> Path:
    """The folder where Keras keeps downloaded Fashion-MNIST files: ~/.keras, or KERAS_HOME."""
    return backend.home() / _KERAS_FOLDER


def _present(folder: Path) -> bool:
    return any((folder / f"{name}{suffix}").exists() for name in DIGESTS for suffix in ("", ".gz"))


def _read(folder: Path) -> FashionMnist:
    for name in DIGESTS:
        find_file(folder, name)
    return FashionMnist(read_training_split(folder), read_test_split(folder), folder)


def _download() -> Path:
    """Download the four files into Keras's cache; DataError where that is impossible."""
    keras = _keras()
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_SILENCE_SECONDS)
    try:
        for name in DIGESTS:
            keras.utils.get_file(f"{name}.gz", f"{_ORIGIN}{name}.gz", cache_subdir=str(_KERAS_FOLDER))
    except Exception as error:  # get_file lets urllib's and its own errors through, without a common base
        raise DataError(
            f"Fashion-MNIST is not in {keras_cache()} nor in {DEBIAN_FOLDER}, and its download failed ({error}); "
            f"give its folder with --data, or run: apt-get install dataset-fashion-mnist"
        ) from error
    finally:
        socket.setdefaulttimeout(previous)
    return keras_cache()


def _keras() -> Any:
    backend.load(warn)
    import keras

    return keras


def _take(split: Split, indices: NDArray[np.int64]) -> Split:
    return Split(split.images[indices], split.labels[indices])


def main() -> int:
    """Print where the data set is, or what to do about it; with --folder, the folder alone."""
    try:
        dataset = load()
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    count = len(dataset.train.images) + len(dataset.test.images)
    print(dataset.source if "--folder" in sys.argv[1:] else f"Fashion-MNIST: {count:,} images in {dataset.source}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
