"""The Keras model to export: loaded, checked, and rebuilt for a fixed batch of one."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.commandline import quiet_stderr
from fmnist_runtime.errors import ExportError
from fmnist_runtime.labels import CLASS_NAMES

if TYPE_CHECKING:
    import keras

_PREDICT_BATCH = 1000


def import_tensorflow() -> Any:
    """The module tensorflow, quiet. Raises ExportError where it is not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet_stderr():
            import tensorflow
    except ImportError as error:
        raise ExportError(f"tensorflow cannot be imported ({error}); run: pip install 'fmnist-edge[train]'") from error
    return tensorflow


def load(path: Path) -> "keras.Model":
    """The Keras model in the .keras file `path`, with the interface that is exported: (28, 28) in, 10 classes out.

    Raises ExportError where it is missing, not a Keras model, or has another interface.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise ExportError(f"{path}: {found}, expected a .keras file; train one with fmnist-train")
    with path.open("rb") as file:
        start = file.read(4)
    if start != b"PK\3\4":
        raise ExportError(f"{path}: not a .keras file (it starts with {start!r}); save the model with model.save()")
    import keras

    try:
        with quiet_stderr():
            model = keras.models.load_model(path, compile=False)
    except Exception as error:  # keras raises whatever its layers, zipfile or h5py raise
        reason = " ".join(str(error).split())[:200]
        raise ExportError(f"{path}: Keras cannot load it ({reason}); save the model again with model.save()") from error
    _check_interface(model, path)
    return model


def with_fixed_batch(model: "keras.Model") -> "keras.Model":
    """`model` on an input of (1, 28, 28), with the same weights: no operator is left that computes a batch size."""
    import keras

    image = keras.Input(batch_shape=(1, *model.inputs[0].shape[1:]), name="image")
    fixed = keras.models.clone_model(model, input_tensors=image)
    fixed.set_weights(model.get_weights())
    return fixed


def probabilities(model: "keras.Model", images: NDArray[np.float32]) -> NDArray[np.float32]:
    """What Keras answers to `images`, (N, 28, 28) float32 as the model takes them: (N, 10) float32."""
    result: NDArray[np.float32] = model.predict(images, batch_size=_PREDICT_BATCH, verbose=0)
    return result


def _check_interface(model: "keras.Model", path: Path) -> None:
    inputs = [tuple(tensor.shape) for tensor in model.inputs]
    outputs = [tuple(tensor.shape) for tensor in model.outputs]
    if inputs != [(None, 28, 28)] and inputs != [(1, 28, 28)]:
        raise ExportError(f"{path}: the input is {_shapes(inputs)}, expected one of (28, 28), pixels in 0..1")
    if len(outputs) != 1 or outputs[0][1:] != (len(CLASS_NAMES),):
        raise ExportError(f"{path}: the output is {_shapes(outputs)}, expected one of ({len(CLASS_NAMES)},)")


def _shapes(shapes: list[tuple[int | None, ...]]) -> str:
    return " and ".join(str(shape[1:]) for shape in shapes) or "none"
