"""The proof of a converted file: the device's interpreter answers all test images, and the answers are Keras's.

The interpreter runs in a child process that never imports tensorflow: tensorflow breaks tflite-runtime when both are
in one process, and the device has none either.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.dataset import Split
from fmnist_runtime.errors import ExportError

_CHILD_SECONDS = 600


@dataclass(frozen=True)
class Proof:
    """How a file answered on one runtime, against Keras: shares are of `images`, `disagreements` are their numbers.

    `ties` counts the images on which two classes share the highest output.
    """

    runtime: str
    version: str
    images: int
    agreement: float
    accuracy: float
    keras_accuracy: float
    ties: int
    disagreements: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def prove(model: Path, test: Split, keras_probabilities: NDArray[np.float32], backend: str) -> Proof:
    """Run `model` on the images of `test` in a child process and compare with what Keras answered, (N, 10) float32.

    Raises ExportError where the file does not run there.
    """
    outputs, runtime, version = run_in_child(model, test.images, backend)
    return compare(outputs, keras_probabilities, test.labels, runtime, version)


def compare(
    outputs: NDArray[Any],
    keras_probabilities: NDArray[np.float32],
    labels: NDArray[np.uint8],
    runtime: str,
    version: str,
) -> Proof:
    """The proof that `outputs`, (N, classes) of any dtype, give; the class is the first with the highest value."""
    answers, expected = outputs.argmax(axis=1), keras_probabilities.argmax(axis=1)
    ties = (outputs == outputs.max(axis=1, keepdims=True)).sum(axis=1) > 1
    return Proof(
        runtime=runtime,
        version=version,
        images=len(labels),
        agreement=float(np.mean(answers == expected)),
        accuracy=float(np.mean(answers == labels)),
        keras_accuracy=float(np.mean(expected == labels)),
        ties=int(ties.sum()),
        disagreements=tuple(int(index) for index in np.flatnonzero(answers != expected)),
    )


def run_in_child(model: Path, images: NDArray[np.uint8], backend: str) -> tuple[NDArray[Any], str, str]:
    """The outputs of `model` for `images`, (N, 28, 28) uint8, from a process of its own, with runtime and version."""
    with tempfile.TemporaryDirectory(prefix="fmnist-proof-") as name:
        folder = Path(name)
        np.save(folder / "images.npy", images)
        command = [sys.executable, "-m", "fmnist_runtime.answers", str(model), "--backend", backend]
        child = subprocess.run(
            [*command, str(folder / "images.npy"), str(folder / "outputs.npy")],
            capture_output=True,
            text=True,
            timeout=_CHILD_SECONDS,
            check=False,
        )
        if child.returncode != 0:
            lines = child.stderr.strip().splitlines() or [f"it ended with exit code {child.returncode}"]
            raise ExportError(f"{model.name} does not run on {backend}: {lines[-1]}")
        runtime = json.loads(child.stdout.splitlines()[-1])
        return np.load(folder / "outputs.npy"), runtime["runtime"], runtime["version"]
