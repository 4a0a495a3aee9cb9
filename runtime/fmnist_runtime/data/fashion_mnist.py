"""Fashion-MNIST from the first place that has it: a folder, Keras's cache, Debian's package, a download.

`python -m fmnist_runtime.data.fashion_mnist` says where the data set is.
"""

import os
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.commandline import warn
from fmnist_runtime.data.fashion_mnist_files import (
    DEBIAN_FOLDER,
    DIGESTS,
    SIZES,
    Split,
    find_file,
    read_test_split,
    read_training_split,
)
from fmnist_runtime.errors import DataError
from fmnist_runtime.system.atomic import write_atomically

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
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / _KERAS_FOLDER


def _present(folder: Path) -> bool:
    return any((folder / f"{name}{suffix}").exists() for name in DIGESTS for suffix in ("", ".gz"))


def _read(folder: Path) -> FashionMnist:
    for name in DIGESTS:
        find_file(folder, name)
    return FashionMnist(read_training_split(folder), read_test_split(folder), folder)


def _download() -> Path:
    """Download the four files into Keras's cache; DataError where that is impossible."""
    folder = keras_cache()
    try:
        for name in DIGESTS:
            write_atomically(folder / f"{name}.gz", _fetch(f"{_ORIGIN}{name}.gz", SIZES[name]))
    except Exception as error:  # urllib and its protocols let through errors without a common base
        raise DataError(
            f"Fashion-MNIST is not in {folder} nor in {DEBIAN_FOLDER}, and its download failed ({error}); "
            f"give its folder with --data, or run: apt-get install dataset-fashion-mnist"
        ) from error
    return folder


def _fetch(address: str, most: int) -> bytes:
    """What `address` has, at most `most` bytes: a .gz is smaller than what it holds, and that is checked when read."""
    warn(f"downloading {address}")
    with urllib.request.urlopen(address, timeout=_DOWNLOAD_SILENCE_SECONDS) as answer:
        content: bytes = answer.read(most + 1)
    if len(content) > most:
        raise DataError(f"{address} has more than {most:,} bytes")
    return content


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
