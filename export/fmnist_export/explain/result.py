"""What an explanation says: each layer's error, and its cost and share in the lost agreement.

explain.py tells how the numbers are measured.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layer:
    """A layer of the int8 file. `name` is Keras's, `operator` and `dtype` are the file's.

    SQNR in dB, None where nothing is rounded. `lowest` and `highest` are the float32 reference's, in the units of the
    int8 file; `representable` is what its scale and zero point reach. `at_least`, `at_greatest` and `clipped` are
    shares of its values: at -128, at 127 (after relu -128 stands for 0 and is no loss), and out of reach. `cost` and
    `share` are as in explain.py; None for a layer without a turn of its own, as it rounds nothing or only goes with its
    neighbours; a negative cost is noise that happens to mend answers.
    """

    name: str
    operator: str
    dtype: str
    sqnr_db: float | None
    weights_sqnr_db: float | None
    weight_scales: tuple[float, float] | None
    lowest: float
    highest: float
    representable: tuple[float, float] | None
    scale: float | None
    zero_point: int | None
    at_least: float | None
    at_greatest: float | None
    clipped: float | None
    cost: float | None
    share: float | None


@dataclass(frozen=True)
class Explanation:
    """The layers of one int8 file in order of execution, measured on `images` held-out training images.

    `agreement` is the file's with Keras on these images; `float_agreement` the reference's, 1 but for rare ties.
    """

    precision: str
    runtime: str
    version: str
    images: int
    tensor_images: int
    agreement: float
    float_agreement: float
    layers: tuple[Layer, ...]

    @property
    def costliest(self) -> Layer | None:
        """The layer with the greatest share, the first of equals; None where no agreement is lost."""
        rounded = [layer for layer in self.layers if layer.share is not None and layer.share > 0]
        return max(rounded, key=lambda layer: layer.share or 0.0, default=None)

    def as_json(self) -> dict[str, Any]:
        """The fields by name, and the costliest layer's name and operator."""
        costliest = self.costliest
        named = {"name": costliest.name, "operator": costliest.operator} if costliest else None
        return {**asdict(self), "costliest": named}


def costs(agreements: Sequence[float]) -> list[tuple[float, float]]:
    """Cost and share of each layer in turn; `agreements` are those before the first and after each.

    The shares add up to 1, or are all 0 where nothing is lost.
    """
    added = np.maximum(np.diff(np.square(1 - np.asarray(agreements))), 0)
    shares = added / added.sum() if added.any() else added
    # Rounded to what that many images can tell, so that no cost is -1e-17.
    lost = np.round(-np.diff(agreements), 12) + 0.0
    return list(zip(lost.tolist(), shares.tolist(), strict=True))
