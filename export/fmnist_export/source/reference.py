"""Keras's outputs for a batch of inputs, from the model itself."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

_BATCH = 1000
_STEPS = 32


def predict(model: "keras.Model", inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The outputs of `model` for `inputs`, (N, ...) float32 as it takes them: (N, classes) float32 of a classifier.

    A model with a fixed batch size gets batches of that size. The last ones are padded with images whose outputs are
    dropped.
    """
    fixed = model.inputs[0].shape[0]
    if fixed is None:
        return np.asarray(model.predict(inputs, batch_size=_BATCH, verbose=0), np.float32)
    # A call from Python costs about as much as a small model's inference, so each call runs several batches, which
    # Keras unrolls.
    steps = max(1, min(_STEPS, len(inputs) // fixed))
    if not model.compiled:
        model.compile(steps_per_execution=steps, jit_compile=False)
    missing = -len(inputs) % (fixed * steps)
    padded = np.concatenate([inputs, np.repeat(inputs[-1:], missing, axis=0)])
    result = model.predict(padded, batch_size=fixed, verbose=0)
    return np.asarray(result[: len(inputs)], np.float32)
