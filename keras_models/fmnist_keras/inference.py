"""The outputs of a Keras model in inference, for models of any number of images and models of a fixed batch."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

_BATCH = 1000
_STEPS = 32


def predict(model: "keras.Model", inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The outputs of `model`, float32, for `inputs`, (N, ...) float32 as it takes them: (N, classes) of a classifier.

    Many images go in at once. A model of a fixed batch gets batches of that size; the last ones are filled up with
    images whose outputs are dropped.
    """
    fixed = model.inputs[0].shape[0]
    if fixed is None:
        return np.asarray(model.predict(inputs, batch_size=_BATCH, verbose=0), np.float32)
    # A call from Python costs about as much as a small model's inference: some batches a call, which Keras unrolls.
    steps = max(1, min(_STEPS, len(inputs) // fixed))
    if not model.compiled:
        model.compile(steps_per_execution=steps, jit_compile=False)
    missing = -len(inputs) % (fixed * steps)
    filled = np.concatenate([inputs, np.repeat(inputs[-1:], missing, axis=0)])
    result = model.predict(filled, batch_size=fixed, verbose=0)
    return np.asarray(result[: len(inputs)], np.float32)


def call(model: "keras.Model", images: NDArray[np.float32]) -> NDArray[Any]:
    """The outputs of `model`, in its own dtype, for a few `images`; saves the seconds that `predict` takes to compile.

    All of them in one batch, or by `predict` where the model's batch is fixed.
    """
    if model.inputs[0].shape[0] is not None:
        return predict(model, images)
    import keras

    return np.asarray(keras.ops.convert_to_numpy(model(images, training=False)))
