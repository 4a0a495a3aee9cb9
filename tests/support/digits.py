"""Pictures of printed digits, as IDX files: a data set of ten classes that are not garments."""

import functools
from pathlib import Path

import idx_bytes
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fmnist_runtime.data.dataset import Split


@functools.cache
def split(count: int, seed: int) -> Split:
    """`count` digits of 28x28, white on black, each of its own size, place and slant."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.uint8) % 10
    return Split(np.stack([_digit(int(label), rng) for label in labels]), labels)


def write(folder: Path, train: Split | None = None, test: Split | None = None) -> Path:
    """A folder of four IDX files: `train` and `test`, by default 1,500 and 500 digits."""
    folder.mkdir(exist_ok=True)
    for name, part in (("train", train or split(1500, 1)), ("t10k", test or split(500, 2))):
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx_bytes.encode(part.images))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx_bytes.encode(part.labels))
    return folder


def _digit(label: int, rng: np.random.Generator) -> np.ndarray:
    picture = Image.new("L", (28, 28))
    font = ImageFont.load_default(size=float(rng.uniform(20, 24)))
    place = float(rng.uniform(6, 9)), float(rng.uniform(0, 4))
    ImageDraw.Draw(picture).text(place, str(label), fill=int(rng.integers(160, 256)), font=font)
    return np.asarray(picture.rotate(float(rng.uniform(-10, 10)), Image.Resampling.BILINEAR))
