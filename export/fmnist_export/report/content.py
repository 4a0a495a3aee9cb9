"""What a report is made of: plain data, gathered by the export, with no HTML and no file behind it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.explain.result import Explanation
from fmnist_runtime.device.verification import count_ties

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Run:
    """How a file answered the test images on one runtime.

    `probabilities` (N, classes) float32, which sum to 1 unless each class has its own; `answers` (N,), the class with
    the highest output, the first of equals. `ties` counts the images on which two classes share the highest value of
    the output tensor itself.
    """

    runtime: str
    version: str
    probabilities: Floats
    answers: NDArray[np.intp]
    ties: int

    @classmethod
    def from_outputs(cls, outputs: NDArray[Any], output: dict[str, Any], runtime: str, version: str) -> "Run":
        """The run that left `outputs`, (N, classes) of the output tensor's own dtype.

        `output` is what the model file says of it: scale and zero_point (None for float32) and the kind (see
        fmnist_runtime.flatbuffer.output_kind).
        """
        values = outputs.astype(np.float64)
        if output.get("scale"):
            values = (values - output["zero_point"]) * output["scale"]
        if output["kind"] not in ("probabilities", "independent probabilities"):
            values = np.exp(values - values.max(axis=1, keepdims=True))
        if output["kind"] != "independent probabilities":
            values = values / np.maximum(values.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        return cls(runtime, version, values.astype(np.float32), outputs.argmax(axis=1), count_ties(outputs))


@dataclass(frozen=True)
class NotProved:
    """A target on which the file was not run, and why, in words."""

    target: str
    reason: str


@dataclass(frozen=True)
class ModelResult:
    """One exported file: its name, what its fmnist.json says (`description`), and how it answered.

    `minimum_agreement` is the share that was required of it, None where none was.
    """

    name: str
    precision: str
    bytes: int
    sha256: str
    description: dict[str, Any]
    runs: tuple[Run, ...]
    not_proved: tuple[NotProved, ...] = ()
    minimum_agreement: float | None = None
    explanation: Explanation | None = None


@dataclass(frozen=True)
class Report:
    """An export as a whole: the Keras file, the test images and the files that were made.

    `images` (N, 28, 28) uint8; `labels` (N,) uint8, the true classes, None where
    the model has others than the data set; `keras_probabilities` (N, classes) float32.
    `scaling` says in words how pixels become the model's input; `versions` are the packages that did the work.
    """

    source: str
    source_sha256: str
    versions: dict[str, str]
    class_names: tuple[str, ...]
    scaling: str
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None
    keras_probabilities: Floats
    models: tuple[ModelResult, ...]

    @property
    def keras_answers(self) -> NDArray[np.intp]:
        """The class that Keras gives the highest score, (N,)."""
        answers: NDArray[np.intp] = self.keras_probabilities.argmax(axis=1)
        return answers
