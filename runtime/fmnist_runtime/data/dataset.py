"""A data set in memory: images with their labels, and the part that is held out for validation.

It reads no files (fmnist_runtime.data.idx_folder and fashion_mnist).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import DataError
from fmnist_runtime.system.digests import sha256

# The held-out part is the same for every model and seed, so that what is chosen on it can be compared.
_HOLD_OUT_SEED = 0


@dataclass(frozen=True)
class Split:
    """Images (N, 28, 28) uint8, 0 background and 255 garment, with their labels (N,) uint8."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


@dataclass(frozen=True)
class Dataset:
    """Training and test images with their labels, and the folder that they came from.

    `name` is "fashion-mnist", or the folder's name for another data set; `digest` is that of `combined_digest` over the
    four files. `class_names` is None where nothing names the classes.
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
        if self.class_names:
            return len(self.class_names)
        return int(max(self.train.labels.max(), self.test.labels.max())) + 1


def hold_out(split: Split, count: int) -> tuple[Split, Split]:
    """`split` without `count` images, and those images: drawn at random, always the same ones.

    Raises DataError where `count` leaves nothing to train on.
    """
    if not 0 <= count < len(split.images):
        raise DataError(f"{count} validation images of {len(split.images)} requested, expected fewer")
    order = np.random.default_rng(_HOLD_OUT_SEED).permutation(len(split.images))
    return _take(split, np.sort(order[count:])), _take(split, np.sort(order[:count]))


def to_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`images`, uint8 of any shape, as float32 in 0..1: pixel / 255, rounded once, as the tutorial scales them."""
    return images.astype(np.float32) / np.float32(255)


def combined_digest(digests: dict[str, str]) -> str:
    """One digest for files whose SHA-256 are `digests`, by name: the SHA-256 of the lines that sha256sum prints.

    The lines, "<SHA-256>  <file name>", are sorted by name.
    """
    return sha256("".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode())


def _take(split: Split, indices: NDArray[np.int64]) -> Split:
    return Split(split.images[indices], split.labels[indices])
