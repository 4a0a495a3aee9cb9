"""The golden file: images with Keras's answers, so that a device can check a model file without Keras.

The check itself is in fmnist_runtime.device.verification. The file is a .npz that numpy alone reads:

    images         (N, 28, 28) uint8, the hardest test images first
    indices        (N,) int32, their numbers in the test set
    expected       (N,) uint16, the classes that Keras answers
    probabilities  (N, classes) float32, Keras's probabilities
    test_expected  (10000,) uint16, the classes that Keras answers on the whole test set
    keras_sha256   SHA-256 of the Keras model, which the model files made from it state too
"""

import io
import re
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import GoldenFileError
from fmnist_runtime.images import npy
from fmnist_runtime.images.types import SHAPE
from fmnist_runtime.system import reading

# The limit for a golden file, and the most that its arrays may unpack to. Reading one takes at most three times
# that memory. 1,000 images of ten classes are a hundredth of it.
MAXIMUM_BYTES = 64 * 2**20
_MAXIMUM_MEMBERS = 64
_EXPECTED = "a golden file of fmnist-export"
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Golden:
    """The content of a golden file; shapes and dtypes as in the docstring of this module."""

    images: NDArray[np.uint8]
    indices: NDArray[np.int32]
    expected: NDArray[np.uint16]
    probabilities: NDArray[np.float32]
    test_expected: NDArray[np.uint16]
    keras_sha256: str

    def to_bytes(self) -> bytes:
        """The bytes of the golden file. The same content gives the same bytes."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{field.name: np.asarray(getattr(self, field.name)) for field in fields(self)})
        return buffer.getvalue()


def read(path: Path) -> Golden:
    """The golden file `path`. Raises GoldenFileError where it is missing, too large, damaged or not a golden file."""
    content = reading.read_file(path, MAXIMUM_BYTES, _EXPECTED, GoldenFileError)
    try:
        arrays = _arrays(content)
        _check(arrays)
        return Golden(**{**arrays, "keras_sha256": str(arrays["keras_sha256"])})
    except Exception as error:  # zipfile and zlib raise anything: struct.error, NotImplementedError, ...
        raise GoldenFileError(
            f"{path}: damaged or not a golden file ({reading.error_text(error)}); export the model again"
        ) from error


def _arrays(content: bytes) -> dict[str, Any]:
    """The members of the ZIP `content` by field, each read up to a limit, whatever size its entry claims."""
    # zipfile builds an object for each entry before anything can count them.
    if content.count(b"PK\1\2") > _MAXIMUM_MEMBERS:
        raise ValueError(f"more than {_MAXIMUM_MEMBERS} members")
    arrays: dict[str, Any] = {}
    left = MAXIMUM_BYTES
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        for field in fields(Golden):
            member = f"{field.name}.npy"
            if names.count(member) != 1:
                raise ValueError(f"{names.count(member)} arrays {field.name!r}, expected one")
            # Other compression methods unpack a whole block at once, however large it is.
            if archive.getinfo(member).compress_type not in _PACKED:
                raise ValueError(f"{field.name!r} has a compression that numpy does not write")
            with archive.open(member) as file:
                unpacked = file.read(left + 1)
            left -= len(unpacked)
            if left < 0:
                raise ValueError(f"its arrays unpack to more than {MAXIMUM_BYTES:,} bytes")
            arrays[field.name] = npy.parse(unpacked)
    return arrays


def _check(arrays: dict[str, Any]) -> None:
    """Check shapes, dtypes and ranges of values. Raises ValueError."""
    images, probabilities, test_expected = arrays["images"], arrays["probabilities"], arrays["test_expected"]
    classes = probabilities.shape[1] if probabilities.ndim == 2 else 0
    shapes = {
        "images": (np.uint8, (len(images) if images.ndim else 0, *SHAPE)),
        "indices": (np.int32, images.shape[:1]),
        "expected": (np.uint16, images.shape[:1]),
        "probabilities": (np.float32, (*images.shape[:1], classes)),
        "test_expected": (np.uint16, test_expected.shape[:1] or (1,)),
    }
    for name, (dtype, shape) in shapes.items():
        found = arrays[name]
        if found.dtype != dtype or found.shape != shape or 0 in shape:
            raise ValueError(
                f"{name} of shape {found.shape} and dtype {found.dtype}, expected {shape} {np.dtype(dtype)}"
            )
    if max(arrays["expected"].max(), test_expected.max()) >= classes:
        raise ValueError(f"an expected class above {classes - 1}, the highest of {classes} classes")
    if arrays["indices"].min() < 0 or arrays["indices"].max() >= len(test_expected):
        raise ValueError(f"an image number beyond the {len(test_expected)} test images")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities that are not finite numbers")
    digest = arrays["keras_sha256"]
    if digest.shape != () or digest.dtype.kind != "U" or not re.fullmatch("[0-9a-f]{64}", str(digest)):
        raise ValueError("the digest of the Keras model is not a SHA-256")


def file_name(stem: str) -> str:
    """The name of the golden file of the Keras model `stem`."""
    return f"{stem}-golden.npz"


def find(model: Path) -> Path | None:
    """The path of the golden file beside `model`: <stem>-golden.npz for <stem>-<precision>.tflite; None if missing."""
    stem = model.stem
    while "-" in stem:
        stem = stem.rpartition("-")[0]
        path = model.with_name(file_name(stem))
        if path.is_file():
            return path
    return None
