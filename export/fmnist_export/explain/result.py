"""The result of an explanation: each layer's error, and its cost and its share of the lost agreement.

explanation.py describes how the numbers are measured.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layer:
    """A layer of the int8 file. `name` comes from Keras, `operator` and `dtype` from the file.

    SQNR in dB, None where nothing is rounded. `lowest` and `highest` are values of the float32 reference, in the units
    of the int8 file; `representable` is the range of its scale and zero point. `at_least`, `at_greatest` and `clipped`
    are shares of its values: at -128, at 127 (after relu -128 stands for 0 and is no loss), and outside the range.
    `cost` and `share` are defined in explanation.py; None for a layer without a step of its own, which does not round
    or is computed as its neighbours. A negative cost is noise that happens to correct answers.
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

    `agreement` is that of the file with Keras on these images; `float_agreement` is that of the reference, which is 1
    except for rare ties.
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
        """The layer with the largest share, the first of equals; None where no agreement is lost."""
        rounded = [layer for layer in self.layers if layer.share is not None and layer.share > 0]
        return max(rounded, key=lambda layer: layer.share or 0.0, default=None)

    def as_json(self) -> dict[str, Any]:
        """The fields by name, and the name and the operator of the costliest layer."""
        costliest = self.costliest
        named = {"name": costliest.name, "operator": costliest.operator} if costliest else None
        return {**asdict(self), "costliest": named}


def layer_costs(agreements: Sequence[float]) -> list[tuple[float, float]]:
    """Cost and share of each step; `agreements` has the agreement before the first step and after each one.

    The shares add up to 1, or are all 0 where nothing is lost.
    """
    added = np.maximum(np.diff(np.square(1 - np.asarray(agreements))), 0)
    shares = added / added.sum() if added.any() else added
    # Rounded far below one image, so that no cost is -1e-17.
    lost = np.round(-np.diff(agreements), 12) + 0.0
    return list(zip(lost.tolist(), shares.tolist(), strict=True))
