"""What a classifier returns: a prediction, and the stages of one call for measurement."""

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from fmnist_runtime.inference.inputs import Writer


class Prediction(NamedTuple):
    """The class with the highest output; of classes that tie, the first.

    `score` is its probability, 0 to 1, or None where the outputs are no probabilities (Classifier.output_kind).
    """

    index: int  # type: ignore[assignment]  # hides tuple.index(), which nobody needs here
    label: str
    score: float | None


class Stages(NamedTuple):
    """The stages of one `classify`, for measurement: call them in this order, from one thread.

    `write` puts an image, (28, 28) uint8, into the input tensor, unchecked; `invoke` runs the model; `read` gives the
    outputs as numbers. `input_values` is the input value of each of the 256 pixel values, of the input tensor's dtype.
    """

    write: Writer
    invoke: Callable[[], object]
    read: Callable[[], list[float]]
    input_values: NDArray[Any]
