"""The held-out part of a data set, and pixels as floats."""

from pathlib import Path

import numpy as np

from fmnist_runtime.data import fashion_mnist
from fmnist_runtime.data.dataset import hold_out, to_float


def test_the_held_out_part_is_always_the_same_and_disjoint(data_folder: Path) -> None:
    split = fashion_mnist.load().train
    numbers = np.arange(60000)
    labelled = type(split)(split.images, numbers)
    kept, held = hold_out(labelled, 4000)
    assert len(held.labels) == 4000
    assert np.array_equal(np.sort(np.concatenate([kept.labels, held.labels])), numbers)
    again = hold_out(labelled, 4000)[1]
    assert np.array_equal(again.labels, held.labels)
    assert not np.array_equal(held.labels, numbers[-4000:])


def test_pixels_become_0_to_1() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_float(pixels), (pixels / 255.0).astype(np.float32))
