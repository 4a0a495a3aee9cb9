"""What the given Keras model answers: the reference of every proof, from the loaded model itself."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

_BATCH = 1000
_STEPS = 32


def predict(model: "keras.Model", inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """What `model` answers to `inputs`, (N, ...) float32 as it takes them: (N, classes) float32 of a classifier.

    A model of a fixed batch gets batches of that size, the last ones filled up with images that are not counted.
    """
    fixed = model.inputs[0].shape[0]
    if fixed is None:
        return np.asarray(model.predict(inputs, batch_size=_BATCH, verbose=0), np.float32)
    # A call from Python costs about as much as a small model's answer: some batches a call, which Keras unrolls.
    steps = max(1, min(_STEPS, len(inputs) // fixed))
    if not model.compiled:
        model.compile(steps_per_execution=steps, jit_compile=False)
    missing = -len(inputs) % (fixed * steps)
    filled = np.concatenate([inputs, np.repeat(inputs[-1:], missing, axis=0)])
    result = model.predict(filled, batch_size=fixed, verbose=0)
    return np.asarray(result[: len(inputs)], np.float32)
