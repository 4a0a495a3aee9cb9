"""Which real numbers a model wants for the pixels 0 and 255: found out from the model, or measured.

Pixels that are scaled wrongly give no error and often most of the accuracy (facts, trap 10), so nobody would notice.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist_export import keras_model
from fmnist_runtime.dataset import Split
from fmnist_runtime.pixels import real_values

if TYPE_CHECKING:
    import keras

CANDIDATES = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))
# A Rescaling layer with a smaller factor than this has raw pixels before it: 1/255, 1/127.5.
_LARGEST_FACTOR_FOR_PIXELS = 0.02
_IMAGES = 2000


@dataclass(frozen=True)
class Scaling:
    """Pixel 0 becomes `low` and pixel 255 `high` before the model sees it; `reason` says how that is known."""

    low: float
    high: float
    reason: str

    def inputs(self, images: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """`images`, (N, 28, 28) uint8, as (N, *shape) float32 for the model."""
        values: NDArray[np.float32] = real_values(self.low, self.high)[images]
        return values.reshape(len(images), *shape)

    def __str__(self) -> str:
        """Such as "0..1 (measured: ...)"."""
        return f"{self.low:g}..{self.high:g} ({self.reason})"


def find(model: "keras.Model", training: Split, classes: int) -> Scaling:
    """The scaling of `model`: raw pixels if it scales them itself, else the candidate with the least loss.

    The loss is measured on training images, which is possible where the model has the data set's `classes`; 0..1 is
    taken where it has others.
    """
    import keras

    for layer in keras_model.all_layers(model):
        if isinstance(layer, keras.layers.Rescaling) and abs(_factor(layer)) < _LARGEST_FACTOR_FOR_PIXELS:
            return Scaling(0.0, 255.0, f"the model has a Rescaling layer of {_factor(layer):.4g}")
    if model.output_shape[-1] != classes:
        return Scaling(0.0, 1.0, "assumed: nothing in the model tells, and its classes are not the data set's")
    images, labels = training.images[:_IMAGES], training.labels[:_IMAGES]
    shape = model.input_shape[1:]
    losses = {
        (low, high): _loss(keras_model.predict(model, Scaling(low, high, "").inputs(images, shape)), labels)
        for low, high in CANDIDATES
    }
    (low, high), *_ = sorted(losses, key=lambda candidate: losses[candidate])
    found = ", ".join(f"{loss:.3g} at {low:g}..{high:g}" for (low, high), loss in losses.items())
    return Scaling(low, high, f"measured: loss on {len(images):,} training images {found}")


def is_probabilities(outputs: NDArray[np.float32]) -> bool:
    """Whether `outputs`, (N, classes), are probabilities: none negative, and each row sums to 1."""
    return bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-3))


def softmax(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probabilities that logits, (N, classes), stand for: (N, classes) float32."""
    powers = np.exp(outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True))
    result: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


def _loss(outputs: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """Mean cross-entropy of what Keras answers, probabilities or logits, to images of `labels`."""
    probabilities = outputs if is_probabilities(outputs) else softmax(outputs)
    right = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def _factor(layer: "keras.layers.Rescaling") -> float:
    return float(np.max(np.abs(layer.scale)))
