"""The images on which the ranges of an int8 model are measured: training images, a fixed number, drawn by seed.

Never test images: a model that saw them at calibration would be proved on what it was fitted to.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.data.fashion_mnist_files import Split


@dataclass(frozen=True)
class Calibration:
    """How the calibration images are drawn; it stands in the model file."""

    split: str = "train"
    count: int = 2000
    seed: int = 0

    def images(self, training: Split) -> NDArray[np.uint8]:
        """The images, (count, 28, 28) uint8, drawn from `training` without repetition."""
        images: NDArray[np.uint8] = training.images[self.indices(training)]
        return images

    def indices(self, training: Split) -> NDArray[np.int64]:
        """The numbers of the images, (count,), drawn from `training` without repetition."""
        drawn: NDArray[np.int64] = np.random.default_rng(self.seed).choice(
            len(training.images), self.count, replace=False
        )
        return drawn

    @classmethod
    def of(cls, training: Split) -> "Calibration":
        """The usual number of images, or all of a smaller `training` split."""
        return cls(count=min(cls.count, len(training.images)))

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)
