"""The plain .tflite files of plain_models.py as tests see them: their pixel ranges, and Keras's answers."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from fmnist_runtime.data.dataset import Split

COUNT = 2000


STANDARD = (-0.286 / 0.353, 0.714 / 0.353)


class Member(NamedTuple):
    """A file of tests/support/plain_models.py: its range, how it is known, what must be stated."""

    name: str
    low: float
    high: float
    reason: str
    stated: tuple[float, float] | None = None

    @property
    def assumed(self) -> bool:
        return self.reason.startswith("assumed")


RANGES = [
    Member("unit", 0, 1, "assumed"),
    Member("unit-int8", 0, 1, "the input's scale 0.00392157 and zero point -128"),
    Member("unit-int8-float-input", 0, 1, "the first layer's scale 0.00392157 and zero point -128"),
    Member("unit-int16", 0, 1, "assumed"),
    Member("unit-convolution", 0, 1, "assumed"),
    Member("rescaled", 0, 255, "inferred from the first layer, 0.00392157 * x"),
    Member("rescaled-int8", 0, 255, "the input's scale 1 and zero point -128"),
    Member("rescaled-uint8", 0, 255, "the input's scale 1 and zero point 0"),
    Member("rescaled-int16", 0, 255, "inferred from the first layer, 0.00392"),
    Member("rescaled-float16", 0, 255, "inferred from the first layer, 0.0039"),
    Member("raw-bytes", 0, 255, "the input is uint8 without a scale"),
    Member("fused", 0, 255, "assumed from the small weights of the first layer"),
    Member("fused-float16", 0, 255, "assumed from the small weights of the first layer"),
    Member("both-signs-inside", 0, 255, "assumed from the small weights of the first layer"),
    Member("doubled", 0, 1, "inferred from the first layer, 2 * x - 1"),
    Member("inverted-inside", 0, 1, "inferred from the first layer, -1 * x + 1"),
    Member("normalized", 0, 1, "inferred from the first layer, 2.8"),
    Member("columns-normalized", 0, 255, "inferred from the first layer, 0.011"),
    Member("both-signs-int8", -1, 1, "the input's scale 0.00784314 and zero point -1"),
    Member("both-signs", -1, 1, "given", stated=(-1, 1)),
    Member("standardized-uint8", *STANDARD, "the input's scale 0.0111"),
    Member("standardized", *STANDARD, "given", stated=STANDARD),
]


def answers(folder: Path, name: str) -> np.ndarray:
    """What Keras answers to the first COUNT test images, (COUNT, 10)."""
    return np.load(folder / f"{name}.npy")


def accuracy(found: np.ndarray, test: Split) -> float:
    return float(np.mean(found.argmax(axis=1) == test.labels[:COUNT]))
