"""Weights prepared for int8: hidden units scaled to one range, and rounding errors compensated by later weights.

Both change the weights of a Keras model but, apart from rounding, not its answers. TensorFlow's own converter then
writes a better int8 file, without private interfaces.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_export.prepare.compensation import compensate_layer
from fmnist_export.prepare.equalization import equalize, equalized_copy
from fmnist_export.prepare.fixed_batch import float32_copy
from fmnist_export.prepare.layers import is_last, layer_inputs
from fmnist_keras import inference

if TYPE_CHECKING:
    import keras

# The share of the calibration images to which the prepared weights may give another class: twice what an int8 file may.
_MOST_CHANGED = 0.02


class PreparedModel(NamedTuple):
    """A copy of a Keras model with weights prepared for int8.

    `factors` are the divisors of the units of each equalized layer, (units,) by the layer's name; equalized_copy makes
    a copy with the same scaling and no rounding.
    """

    model: "keras.Model"
    factors: dict[str, NDArray[np.float64]]


def prepare(model: "keras.Model", images: NDArray[np.float32]) -> PreparedModel:
    """Prepare a copy of `model`, so that its int8 conversion agrees more often with `model`.

    `images` is (N, ...) float32 as the model takes them: calibration images, from the training split. Dense and Conv2D
    layers that the model holds directly and uses once are changed, in order; all others stay as they are.

    Where the changed weights give more than a fiftieth of the images another class, the copy has the weights of `model`
    and no units are divided: the method does not suit this model, and the converter's own rounding is as good.
    """
    import keras

    copy = float32_copy(model, images)
    factors = {}
    for layer in copy.layers:
        if len(layer._inbound_nodes) != 1:
            continue
        if isinstance(layer, keras.layers.Dense) and not is_last(layer, copy):
            divisors = equalize(layer, copy, images)
            if divisors is not None:
                factors[layer.name] = divisors
            compensate_layer(layer, layer_inputs(layer, copy, images))
        elif type(layer) is keras.layers.Conv2D and layer.groups == 1:
            compensate_layer(layer, layer_inputs(layer, copy, images))
    equalized_copy(model, factors, images)
    classes, expected = (inference.predict(each, images).argmax(axis=1) for each in (copy, model))
    if np.mean(classes != expected) > _MOST_CHANGED:
        return PreparedModel(float32_copy(model, images), {})
    return PreparedModel(copy, factors)
