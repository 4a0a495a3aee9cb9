"""Hidden units scaled to one range: int8 then uses all of its 255 steps for every unit, and no answer changes.

relu(c x) = c relu(x) for c > 0, so a unit's weights can be divided by c where the next layer multiplies it by c.

Source: cross-layer equalization is from Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction" (2019). docs/int8.md has its effect here.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist_export.prepare.fixed_batch import check_copy, float32_copy
from fmnist_export.prepare.layers import consumers, layer_inputs

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float64]

# A hidden unit whose outputs stay below this share of the layer's largest output is scaled as if it reached the share.
_SMALLEST_RANGE = 1e-3


def equalize(layer: "keras.layers.Dense", model: "keras.Model", images: NDArray[np.float32]) -> Floats | None:
    """Scale the units of a Dense `layer` with relu to the same largest output, and undo it in the next Dense layer.

    Does nothing unless exactly one Dense layer reads the units, and reads nothing else. Returns the divisor of each
    unit, (units,), or None where nothing was done.
    """
    import keras

    following = consumers(layer)
    if layer.activation is not keras.activations.relu or len(following) != 1:
        return None
    (reader,) = following
    if not isinstance(reader, keras.layers.Dense) or len(reader._inbound_nodes) != 1 or not layer.use_bias:
        return None
    largest = layer_inputs(reader, model, images).max(axis=0)
    if largest.ndim != 1 or not largest.max() > 0:
        return None
    factors: Floats = np.maximum(largest / largest.max(), _SMALLEST_RANGE)
    scale_units(layer, factors)
    return factors


def equalized_copy(model: "keras.Model", factors: dict[str, Floats], images: NDArray[np.float32]) -> "keras.Model":
    """A copy of `model` with the same answers, whose units are divided by `factors`, (units,) by the layer's name.

    Raises ExportError, with the layer's name, where the copy answers `images` differently.
    """
    copy = float32_copy(model, images)
    for name, divisors in factors.items():
        scale_units(copy.get_layer(name), divisors)
    check_copy(model, copy, images)
    return copy


def scale_units(layer: "keras.layers.Dense", factors: Floats) -> None:
    """Divide the outputs of `layer` by `factors`, (units,), and multiply the rows of the next Dense layer by them."""
    (reader,) = consumers(layer)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel / factors, bias / factors])
    kernel, *rest = reader.get_weights()
    reader.set_weights([kernel * factors[:, np.newaxis], *rest])
