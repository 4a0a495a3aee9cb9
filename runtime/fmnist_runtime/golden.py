"""The golden file: images with what Keras answers to them, so that a device can check a model file without Keras.

A .npz that numpy alone reads:

    images         (N, 28, 28) uint8, the hardest test images first
    indices        (N,) int32, their numbers in the test set
    expected       (N,) uint16, the classes that Keras answers
    probabilities  (N, classes) float32, Keras's
    test_expected  (10000,) uint16, the classes that Keras answers to the whole test set
    keras_sha256   SHA-256 of the Keras model, as the model files made from it say
"""

import io
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import FmnistError
from fmnist_runtime.pixels import SHAPE


@dataclass(frozen=True)
class Golden:
    """What a golden file holds; the shapes and dtypes stand above."""

    images: NDArray[np.uint8]
    indices: NDArray[np.int32]
    expected: NDArray[np.uint16]
    probabilities: NDArray[np.float32]
    test_expected: NDArray[np.uint16]
    keras_sha256: str

    def to_bytes(self) -> bytes:
        """The golden file. The same content gives the same bytes."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{field.name: np.asarray(getattr(self, field.name)) for field in fields(self)})
        return buffer.getvalue()


def read(path: Path) -> Golden:
    """The golden file `path`. Raises FmnistError where it is missing, damaged or something else."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            content: dict[str, Any] = {field.name: archive[field.name] for field in fields(Golden)}
    except FileNotFoundError as error:
        raise FmnistError(f"{path}: no such file, expected a golden file of fmnist-export") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise FmnistError(
            f"{path}: damaged or not a golden file ({' '.join(str(error).split())[:100]}); export the model again"
        ) from error
    golden = Golden(**{**content, "keras_sha256": str(content["keras_sha256"])})
    if golden.images.dtype != np.uint8 or golden.images.shape != (len(golden.expected), *SHAPE):
        raise FmnistError(
            f"{path}: images of shape {golden.images.shape} and dtype {golden.images.dtype}, expected "
            f"({len(golden.expected)}, 28, 28) uint8; export the model again"
        )
    return golden


def name(stem: str) -> str:
    """The name of the golden file of the Keras model `stem`."""
    return f"{stem}-golden.npz"


def beside(model: Path) -> Path | None:
    """The golden file that fmnist-export wrote beside `model`, <stem>-<precision>.tflite: <stem>-golden.npz."""
    stem = model.stem
    while "-" in stem:
        stem = stem.rpartition("-")[0]
        path = model.with_name(name(stem))
        if path.is_file():
            return path
    return None
