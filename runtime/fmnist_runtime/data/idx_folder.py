"""A data set in a folder of four IDX files, as MNIST and Fashion-MNIST are published, with images of 28x28 grey pixels.

    train-images-idx3-ubyte[.gz]   train-labels-idx1-ubyte[.gz]
    t10k-images-idx3-ubyte[.gz]    t10k-labels-idx1-ubyte[.gz]

Fashion-MNIST is recognised by the SHA-256 of its files; a folder with only some of its files unchanged is damaged.

This module looks for no folder and downloads nothing (fmnist_runtime.data.fashion_mnist).
"""

from pathlib import Path

from fmnist_runtime.data.dataset import Dataset, Split, combined_digest
from fmnist_runtime.data.fashion_mnist_files import DIGESTS, NAME, find_file
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import DataError
from fmnist_runtime.images import idx
from fmnist_runtime.images.types import SHAPE
from fmnist_runtime.system.digests import sha256


def read(folder: Path) -> Dataset:
    """The data set in `folder`. Raises DataError where a file is missing, damaged, or does not fit the others."""
    contents = _contents(folder, tuple(DIGESTS))
    digests = {name: sha256(content) for name, content in contents.items()}
    is_known = is_fashion_mnist(folder, digests)
    return Dataset(
        name=NAME if is_known else folder.resolve().name,
        train=_split(folder, "train", contents),
        test=_split(folder, "t10k", contents),
        source=folder,
        digest=combined_digest(digests),
        class_names=CLASS_NAMES if is_known else None,
    )


def read_test(folder: Path) -> Split:
    """The test images of the data set in `folder`; reads no other file. Raises DataError as `read`."""
    contents = _contents(folder, tuple(name for name in DIGESTS if name.startswith("t10k")))
    is_fashion_mnist(folder, {name: sha256(content) for name, content in contents.items()})
    return _split(folder, "t10k", contents)


def is_fashion_mnist(folder: Path, digests: dict[str, str]) -> bool:
    """Whether files with these SHA-256, by name, are Fashion-MNIST's. Raises DataError where only some of them are."""
    known = [name for name in digests if digests[name] == DIGESTS[name]]
    damaged = next((name for name in digests if name not in known), None)
    if known and damaged:
        raise DataError(
            f"{find_file(folder, damaged)}: SHA-256 of the decompressed bytes is {digests[damaged][:12]}…, expected "
            f"{DIGESTS[damaged][:12]}…, because {known[0]} is Fashion-MNIST's; copy or download the damaged file again"
        )
    return bool(known)


def _contents(folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    return {name: idx.read_bytes(find_file(folder, name)) for name in names}


def _split(folder: Path, part: str, contents: dict[str, bytes]) -> Split:
    names = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    images, labels = (idx.parse(contents[name], str(find_file(folder, name))) for name in names)
    if images.ndim != 3 or images.shape[1:] != SHAPE or not len(images):
        raise DataError(f"{folder}: its {part} images are {images.shape}, expected (N, 28, 28)")
    if labels.shape != images.shape[:1]:
        raise DataError(
            f"{folder}: {len(images):,} {part} images and labels of shape {labels.shape}, expected one label an image"
        )
    return Split(images, labels)
