"""A data set in a folder of four IDX files, as MNIST and Fashion-MNIST are published: any images of 28x28 grey pixels.

    train-images-idx3-ubyte[.gz]   train-labels-idx1-ubyte[.gz]
    t10k-images-idx3-ubyte[.gz]    t10k-labels-idx1-ubyte[.gz]

Fashion-MNIST is known by the SHA-256 of its files, and a folder that holds some of its files and not all is damaged.
"""

from dataclasses import dataclass
from pathlib import Path

from fmnist_runtime.data.fashion_mnist_files import DIGESTS, Split, find_file
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import DataError
from fmnist_runtime.images import idx
from fmnist_runtime.images.types import SHAPE
from fmnist_runtime.system.atomic import sha256

FASHION_MNIST = "fashion-mnist"


@dataclass(frozen=True)
class DataSet:
    """Training and test images with their labels, and where they came from.

    `name` is "fashion-mnist", or the folder's name for another data set; `digest` is the SHA-256 of the lines
    "<SHA-256>  <file name>" of the four files, sorted by name. `class_names` is None where nothing names the classes.
    """

    name: str
    train: Split
    test: Split
    source: Path
    digest: str
    class_names: tuple[str, ...] | None

    @property
    def classes(self) -> int:
        """The number of classes: of names, or one more than the highest label."""
        return (
            len(self.class_names) if self.class_names else int(max(self.train.labels.max(), self.test.labels.max())) + 1
        )


def read(folder: Path) -> DataSet:
    """The data set in `folder`. Raises DataError where a file is missing, damaged, or doesn't fit the others."""
    contents = _contents(folder, tuple(DIGESTS))
    digests = {name: sha256(content) for name, content in contents.items()}
    is_known = is_fashion_mnist(folder, digests)
    train, test = _split(folder, "train", contents), _split(folder, "t10k", contents)
    if is_known:
        return DataSet(FASHION_MNIST, train, test, folder, digest_of(digests), CLASS_NAMES)
    return DataSet(folder.resolve().name, train, test, folder, digest_of(digests), None)


def read_test(folder: Path) -> Split:
    """The test images of the data set in `folder`; looks at no other file. Raises DataError as `read` does."""
    contents = _contents(folder, tuple(name for name in DIGESTS if name.startswith("t10k")))
    is_fashion_mnist(folder, {name: sha256(content) for name, content in contents.items()})
    return _split(folder, "t10k", contents)


def is_fashion_mnist(folder: Path, digests: dict[str, str]) -> bool:
    """Whether the files of `digests`, by name, are Fashion-MNIST's. Raises DataError where some are and others not."""
    known = [name for name in digests if digests[name] == DIGESTS[name]]
    damaged = next((name for name in digests if name not in known), None)
    if known and damaged:
        raise DataError(
            f"{find_file(folder, damaged)}: SHA-256 of the decompressed bytes is {digests[damaged][:12]}…, expected "
            f"{DIGESTS[damaged][:12]}…, for {known[0]} is Fashion-MNIST's; copy or download the damaged file again"
        )
    return bool(known)


def digest_of(digests: dict[str, str]) -> str:
    """One digest for the files of a data set: the SHA-256 of what sha256sum prints of them, in the order of names."""
    return sha256("".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode())


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
