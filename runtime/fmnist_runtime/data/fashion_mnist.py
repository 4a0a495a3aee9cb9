"""Fashion-MNIST from the first place that has it: a folder, Keras's cache, Debian's package, a download.

`python -m fmnist_runtime.data.fashion_mnist` says where the data set is. Other data sets are read in
fmnist_runtime.data.idx_folder.
"""

import gzip
import io
import os
import sys
import urllib.request
from pathlib import Path

from fmnist_runtime.data.dataset import Dataset, combined_digest
from fmnist_runtime.data.fashion_mnist_files import (
    DEBIAN_FOLDER,
    DIGESTS,
    NAME,
    SIZES,
    find_file,
    read_test_split,
    read_training_split,
)
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import DataError
from fmnist_runtime.system.atomic import make_folder, write_together
from fmnist_runtime.system.digests import sha256

# The address from which keras.datasets.fashion_mnist.load_data downloads, and the folder in which it keeps the files.
_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_KERAS_FOLDER = Path("datasets", "fashion-mnist")
_DOWNLOAD_TIMEOUT_SECONDS = 20


def load(folder: Path | None = None) -> Dataset:
    """Fashion-MNIST from `folder`; without one, from Keras's cache, Debian's package or a download, in this order.

    The 60,000 training and 10,000 test images. Every file is checked by the SHA-256 of its decompressed bytes. Raises
    DataError where a file is missing or damaged in `folder`, or else in the first place that has any of the files, and
    where no place has them.
    """
    return _read(folder if folder is not None else locate_or_download())


def locate_or_download() -> Path:
    """The folder that has Fashion-MNIST: Keras's cache, Debian's package, or Keras's cache after a download.

    Raises DataError where the download fails.
    """
    for source in (keras_cache(), DEBIAN_FOLDER):
        if _present(source):
            return source
    return _download()


def keras_cache() -> Path:
    """The folder where Keras keeps downloaded Fashion-MNIST files: ~/.keras, or KERAS_HOME."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / _KERAS_FOLDER


def _present(folder: Path) -> bool:
    return any((folder / f"{name}{suffix}").exists() for name in DIGESTS for suffix in ("", ".gz"))


def _read(folder: Path) -> Dataset:
    for name in DIGESTS:
        find_file(folder, name)
    train, test = read_training_split(folder), read_test_split(folder)
    return Dataset(NAME, train, test, folder, combined_digest(DIGESTS), CLASS_NAMES)


def _download() -> Path:
    """Download the four files into Keras's cache, all or none. Raises DataError where that fails."""
    folder = keras_cache()
    try:
        make_folder(folder)
        write_together({folder / f"{name}.gz": _fetch(name) for name in DIGESTS})
    except Exception as error:  # urllib and its protocols raise errors without a common base
        raise DataError(
            f"Fashion-MNIST is not in {folder} nor in {DEBIAN_FOLDER}, and its download failed ({error}); "
            f"give its folder with --data, or run: apt-get install dataset-fashion-mnist"
        ) from error
    return folder


def _fetch(name: str) -> bytes:
    """The .gz of the file `name`, a key of DIGESTS. Raises DataError where it does not hold that file."""
    address = f"{_ORIGIN}{name}.gz"
    print(f"downloading {address}", file=sys.stderr)
    with urllib.request.urlopen(address, timeout=_DOWNLOAD_TIMEOUT_SECONDS) as answer:
        # The .gz is smaller than what it holds.
        content: bytes = answer.read(SIZES[name])
    # Checked before it is kept: a page of a proxy in Keras's cache would fail every later run.
    with gzip.open(io.BytesIO(content)) as file:
        found = sha256(file.read(SIZES[name] + 1))
    if found != DIGESTS[name]:
        raise DataError(f"{address} has SHA-256 {found[:12]}…, expected {DIGESTS[name][:12]}…")
    return content


def main() -> int:
    """Print where the data set is, or how to get it; with --folder, only the folder."""
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
