"""A model of 2 KB for tests, and described files as another converter would have written them."""

from pathlib import Path

from fmnist_runtime.model import model_file, shipped

TINY = shipped.MODELS_FOLDER / "doctor.tflite"


def plain(path: Path) -> bytes:
    """The flatbuffer of a described file as another converter would have written it."""
    return model_file.read(path).flatbuffer.replace(model_file.MARKER.encode(), b"MLIR Converted.")
