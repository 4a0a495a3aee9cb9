"""The proof of a converted file: a target's interpreter answers all test images, and the answers are Keras's.

The interpreter runs in a child process that never imports tensorflow: tensorflow breaks tflite-runtime when both are
in one process, and the device has none either.
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
    """How a file answered on one runtime, against Keras: shares are of `images`, `disagreements` are their numbers.

    `accuracy` and `keras_accuracy` are None where the model's classes are not the data set's. `ties` counts the images
    on which two classes share the highest output.
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
    """What the output tensor held for each image, (N, classes) of its own dtype, and the runtime that computed it.

    `seconds` is what all images took, reading and starting left out.
    """

    values: NDArray[Any]
    runtime: str
    version: str
    seconds: float = 0.0

    @property
    def answers(self) -> NDArray[np.int64]:
        """The first class with the highest value for each image, (N,)."""
        result: NDArray[np.int64] = self.values.argmax(axis=1)
        return result


def compare(outputs: Outputs, keras_answers: NDArray[np.float32], labels: NDArray[np.uint8] | None) -> Proof:
    """The proof that `outputs` give, against what Keras answered, (N, classes), and the true labels, if they apply."""
    values, answers, expected = outputs.values, outputs.answers, keras_answers.argmax(axis=1)
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
    """The outputs of the model file for `images`, (N, 28, 28) uint8, from a process of its own in `environment`.

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
