"""What is measured: a model with a number of threads on one runtime."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime import assumptions
from fmnist_runtime.classifier import Classifier
from fmnist_runtime.images.pixel_range import PixelRange
from fmnist_runtime.model import model_file
from fmnist_runtime.model.model_file import ModelFile
from fmnist_runtime.system.digests import sha256


# Compared by identity (eq=False), because `answers` is an array, which has neither a truth value nor a hash.
@dataclass(frozen=True, eq=False)
class Subject:
    """A model with a number of threads on the runtime that it runs on here.

    `bytes` is the size of the file and `sha256` the digest of its flatbuffer. `answers`, (N,), are the classes of the
    images. `notices` are the lines about an assumed pixel range, none for a file that states its range.
    """

    model: Path
    precision: str
    bytes: int
    sha256: str
    threads: int
    backend: str
    version: str
    answers: NDArray[np.intp]
    notices: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Such as "mlp-int8.tflite, 2 threads"."""
        return f"{self.model.name}, {self.threads} thread{'s' * (self.threads > 1)}"


def examine(
    model: Path, images: NDArray[np.uint8], threads: int, backend: str, pixels: PixelRange | None = None
) -> Subject:
    """Run `model` once on `images`, (N, 28, 28), so that its errors are reported before anything is measured.

    Raises ModelFileError, IncompatibleModelError, RuntimeMissingError or PixelRangeError as Classifier does.
    """
    file = model_file.read(model)
    with Classifier(model, backend=backend, num_threads=threads, pixels=pixels) as classifier:
        answers = classifier.outputs(images).argmax(axis=1)
        runtime = classifier.runtime
        notices = tuple(assumptions.pixel_lines(classifier))
    return Subject(
        model=model,
        precision=precision(file),
        bytes=model.stat().st_size,
        sha256=sha256(model_file.content(file)),
        threads=threads,
        backend=runtime.name,
        version=runtime.version,
        answers=answers,
        notices=notices,
    )


def precision(file: ModelFile) -> str:
    """The precision that the file states, else the dtype of its largest constant, which holds weights."""
    if file.description and isinstance(file.description.get("precision"), str):
        return str(file.description["precision"])
    return max(file.graph.tensors, key=lambda tensor: tensor.data.length * tensor.data.size).dtype
