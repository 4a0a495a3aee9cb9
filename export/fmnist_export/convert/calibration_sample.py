"""The training images on which the ranges of an int8 model are measured: a fixed number, drawn with a fixed seed.

Never test images: a model calibrated on them would be proved on the data that it was fitted to.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.data.dataset import Split


@dataclass(frozen=True)
class CalibrationSample:
    """Which images are drawn for calibration; the model file records it."""

    split: str = "train"
    count: int = 2000
    seed: int = 0

    @classmethod
    def for_split(cls, training: Split) -> "CalibrationSample":
        """The default sample, or all images where `training` has fewer."""
        return cls(count=min(cls.count, len(training.images)))

    def images(self, training: Split) -> NDArray[np.uint8]:
        """The images, (count, 28, 28) uint8, drawn from `training` without replacement."""
        images: NDArray[np.uint8] = training.images[self.indices(training)]
        return images

    def indices(self, training: Split) -> NDArray[np.int64]:
        """The indices of the images in `training`, (count,) int64, drawn without replacement."""
        indices: NDArray[np.int64] = np.random.default_rng(self.seed).choice(
            len(training.images), self.count, replace=False
        )
        return indices

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)
