"""The content of a report: plain data that the export gathers, without HTML and without files."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.explain.result import Explanation
from fmnist_export.prove.environments import MissingProof
from fmnist_export.prove.proof import Outputs
from fmnist_runtime.device.verification import count_ties

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Run:
    """A file's answers to the test images on one runtime.

    `probabilities` (N, classes) float32, which sum to 1 unless each class has its own; `classes` (N,), the class with
    the highest output, the first of equals. `ties` counts the images on which two classes share the highest value of
    the output tensor. `seconds` is the mean time for an image; None where it was not measured.
    """

    runtime: str
    version: str
    probabilities: Floats
    classes: NDArray[np.intp]
    ties: int
    seconds: float | None = None

    @property
    def name(self) -> str:
        """The runtime with its version."""
        return f"{self.runtime} {self.version}"

    @classmethod
    def from_outputs(cls, outputs: Outputs, output: dict[str, Any]) -> "Run":
        """The run with these `outputs`, (N, classes) of the output tensor's own dtype.

        `output` is the model file's description of the tensor: scale and zero_point (None for float32) and the kind
        (see fmnist_runtime.flatbuffer.output_kind).
        """
        values = outputs.values.astype(np.float64)
        if output.get("scale"):
            values = (values - output["zero_point"]) * output["scale"]
        if output["kind"] not in ("probabilities", "independent probabilities"):
            values = np.exp(values - values.max(axis=1, keepdims=True))
        if output["kind"] != "independent probabilities":
            values = values / np.maximum(values.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        return cls(
            runtime=outputs.runtime,
            version=outputs.version,
            probabilities=values.astype(np.float32),
            classes=outputs.classes,
            ties=count_ties(outputs.values),
            seconds=outputs.seconds / len(values) if outputs.seconds else None,
        )


@dataclass(frozen=True)
class ModelResult:
    """One exported file: its name, its fmnist.json (`description`), and its answers on each runtime.

    `minimum_agreement` is the required share; None where none was required.
    """

    name: str
    precision: str
    bytes: int
    sha256: str
    description: dict[str, Any]
    runs: tuple[Run, ...]
    missing_proofs: tuple[MissingProof, ...] = ()
    minimum_agreement: float | None = None
    explanation: Explanation | None = None


@dataclass(frozen=True)
class Report:
    """A whole export: the Keras file, the test images and the exported files.

    `images` (N, 28, 28) uint8; `labels` (N,) uint8, the true classes, None where they are unknown;
    `keras_probabilities` (N, classes) float32. `scaling` describes how pixels become the model's input; `versions` are
    the packages that did the export, `machine` is the computer.
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
    machine: str = ""

    @property
    def keras_classes(self) -> NDArray[np.intp]:
        """The class to which Keras gives the highest score, (N,)."""
        classes: NDArray[np.intp] = self.keras_probabilities.argmax(axis=1)
        return classes
