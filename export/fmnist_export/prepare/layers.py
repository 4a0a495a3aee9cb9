"""Questions about the layers of a Keras model: what each one reads, and what reads it."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist_keras import copies

if TYPE_CHECKING:
    import keras

_BATCH = 500


def layer_inputs(layer: "keras.layers.Layer", model: "keras.Model", images: NDArray[np.float32]) -> NDArray[np.float64]:
    """The input of `layer`, (N, ...) float64, for `images`, (N, ...) float32, with the present weights of `model`.

    Computed in float64: the last bits of float32 depend on the processor's kernels, and would change the rounding of a
    few weights, and with it the bytes of the file.
    """
    import keras

    before = keras.Model(model.inputs[0], layer.input)
    image = keras.Input(before.input_shape[1:], dtype="float64")
    exact = copies.rebuild(before, _in_float64, input_tensors=image)
    result: NDArray[np.float64] = exact.predict(images.astype(np.float64), batch_size=_BATCH, verbose=0)
    return result


def consumers(layer: "keras.layers.Layer") -> list["keras.layers.Layer"]:
    """The layers that read the output of `layer`."""
    return [node.operation for node in layer._outbound_nodes]


def is_last(layer: "keras.layers.Layer", model: "keras.Model") -> bool:
    """Whether no layer with weights follows `layer` in `model`; the last one stays in float32."""
    behind = model.layers[model.layers.index(layer) + 1 :]
    return not any(other.weights for other in behind)


def _in_float64(layer: "keras.Operation") -> "keras.Operation":
    """A copy of `layer` that computes in float64; an operation, such as a slice, takes the type of its input."""
    import keras

    dtype = {"dtype": "float64"} if isinstance(layer, keras.layers.Layer) else {}
    return layer.__class__.from_config({**layer.get_config(), **dtype})
