"""Run a model file on all test images with a target's interpreter, and compare its classes with Keras's.

The interpreter runs in a child process that never imports tensorflow: tensorflow breaks tflite-runtime when both are
in one process, and the device does not have it either.
"""

import json
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.prove.environments import Environment
from fmnist_runtime.device.verification import count_ties
from fmnist_runtime.errors import ExportError

_CHILD_SECONDS = 600


@dataclass(frozen=True)
class Proof:
    """A file on one runtime compared with Keras. `agreement` and the accuracies are shares of the number of `images`.

    `accuracy` and `keras_accuracy` are None where the true classes are unknown. `ties` counts the images on which two
    classes share the highest output. `disagreements` are the indices of the images with another class than Keras's.
    """

    runtime: str
    version: str
    images: int
    agreement: float
    accuracy: float | None
    keras_accuracy: float | None
    ties: int
    disagreements: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class Outputs:
    """The output tensor for each image, (N, classes) of its own dtype, and the runtime that computed it.

    `seconds` is the time for all images, without reading the model and starting the interpreter.
    """

    values: NDArray[Any]
    runtime: str
    version: str
    seconds: float = 0.0

    @property
    def classes(self) -> NDArray[np.int64]:
        """The first class with the highest value for each image, (N,)."""
        result: NDArray[np.int64] = self.values.argmax(axis=1)
        return result


def compare(outputs: Outputs, keras_outputs: NDArray[np.float32], labels: NDArray[np.uint8] | None) -> Proof:
    """Compare `outputs` with `keras_outputs`, (N, classes), and with the true `labels`, (N,), where they are known."""
    values, answers, expected = outputs.values, outputs.classes, keras_outputs.argmax(axis=1)
    return Proof(
        runtime=outputs.runtime,
        version=outputs.version,
        images=len(values),
        agreement=float(np.mean(answers == expected)),
        accuracy=None if labels is None else float(np.mean(answers == labels)),
        keras_accuracy=None if labels is None else float(np.mean(expected == labels)),
        ties=count_ties(values),
        disagreements=tuple(int(index) for index in np.flatnonzero(answers != expected)),
    )


def run(model: Path, images: NDArray[np.uint8], environment: Environment) -> Outputs:
    """Run the model file on `images`, (N, 28, 28) uint8, in a separate process in `environment`.

    Raises ExportError where the file does not run there.
    """
    target = environment.target
    with tempfile.TemporaryDirectory(prefix="fmnist-proof-") as name:
        folder = Path(name)
        np.save(folder / "images.npy", images)
        command = [str(environment.python), "-m", "fmnist_runtime.answers", str(model), "--backend", target.runtime]
        child = subprocess.run(
            [*command, str(folder / "images.npy"), str(folder / "outputs.npy")],
            capture_output=True,
            text=True,
            timeout=_CHILD_SECONDS,
            check=False,
            env=environment.variables(),
        )
        if child.returncode != 0:
            lines = child.stderr.strip().splitlines() or [f"it ended with exit code {child.returncode}"]
            raise ExportError(f"{model.name} does not run on {target.name}: {lines[-1]}")
        runtime = json.loads(child.stdout.splitlines()[-1])
        return Outputs(np.load(folder / "outputs.npy"), runtime["runtime"], runtime["version"], runtime["seconds"])
