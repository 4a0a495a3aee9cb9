"""Augmentation: copies of the training images, mirrored, moved, with a part erased. The same for the same seed.

Mirroring and moving do not change the class of a garment. Erasing (Zhong et al. 2017, "Random Erasing Data
Augmentation", arXiv:1708.04896, which lowers the error on Fashion-MNIST) makes the model look at all of it.
"""

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]

# The share of an image that is erased, and the ratio of the rectangle's sides, as in the paper.
_AREA = (0.02, 0.4)
_MOST_ELONGATED = 1 / 0.3


def move(images: Images, rng: np.random.Generator, *, flip: float, shift: int) -> tuple[Images, NDArray[np.int64]]:
    """A copy of `images`, (N, H, W) uint8, mirrored and moved, and the placement of each, (N,) int64.

    A share `flip` of them is mirrored, and each is moved by up to `shift` pixels down and across; background, 0, moves
    in. A placement is a number below `placement_count(shift)`: two copies of an image with the same one are equal.
    """
    changed = images.copy()
    placement = np.zeros(len(images), np.int64)
    if flip:
        mirrored = rng.random(len(images)) < flip
        changed[mirrored] = changed[mirrored, :, ::-1]
        placement += mirrored
    if shift:
        down, across = rng.integers(0, 2 * shift + 1, (2, len(images)))
        changed = _moved(changed, down, across, shift)
        placement += 2 * (down * (2 * shift + 1) + across)
    return changed, placement


def erase(images: Images, rng: np.random.Generator, share: float) -> Images:
    """A copy of `images`, (N, H, W) uint8; a share of them has random pixels in a random rectangle."""
    changed = images.copy()
    count, height, width = images.shape
    chosen = np.flatnonzero(rng.random(count) < share)
    area = rng.uniform(*_AREA, len(chosen)) * height * width
    ratio = _MOST_ELONGATED ** rng.uniform(-1, 1, len(chosen))
    tall = np.clip(np.sqrt(area * ratio).astype(np.int64), 1, height)
    wide = np.clip(np.sqrt(area / ratio).astype(np.int64), 1, width)
    top = (rng.random(len(chosen)) * (height - tall + 1)).astype(np.int64)
    left = (rng.random(len(chosen)) * (width - wide + 1)).astype(np.int64)
    rows, columns = np.arange(height)[:, None], np.arange(width)
    for index, y, x, h, w in zip(chosen, top, left, tall, wide, strict=True):
        inside = (rows >= y) & (rows < y + h) & (columns >= x) & (columns < x + w)
        changed[index][inside] = rng.integers(0, 256, h * w, dtype=np.uint8)
    return changed


def placement_count(shift: int) -> int:
    """The number of ways to mirror an image and to move it by up to `shift` pixels."""
    return 2 * (2 * shift + 1) ** 2


def _moved(images: Images, down: NDArray[np.int64], across: NDArray[np.int64], most: int) -> Images:
    count, height, width = images.shape
    padded = np.pad(images, ((0, 0), (most, most), (most, most)))
    # The types of numpy 1 allow one axis only.
    windows: Images = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (1, 2))  # type: ignore[call-overload]
    moved: Images = windows[np.arange(count), down, across]
    return moved
