"""The model to export: loaded from .keras, .h5 or a SavedModel, checked, and rebuilt for a fixed batch of one."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.commandline import quiet_stderr
from fmnist_runtime.errors import ExportError
from fmnist_runtime.files import sha256

if TYPE_CHECKING:
    import keras

_ZIP, _HDF5 = b"PK\3\4", b"\x89HDF"
_KINDS = "a .keras file, an .h5 file or a SavedModel folder"
_SHAPES = ((28, 28), (28, 28, 1))
_PREDICT_BATCH = 1000

# How Keras names a layer that it does not have, in .keras and in .h5 files.
_UNKNOWN_CLASS = re.compile(r"Could not locate (?:class|function) '([^']+)'|Unknown (?:layer|object)[^']*'([^']+)'")


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
    """The model in `path`, a .keras file, an .h5 file or a SavedModel folder, for any number of images.

    Its input is one of (28, 28) or (28, 28, 1) float32, its output one of (classes,). Raises ExportError where it is
    missing, not a model, made of layers that are not Keras's own, or has another interface.
    """
    if path.is_dir():
        model = _load_saved_model(path)
    else:
        _check_file(path)
        model = _load_file(path)
    _check_interface(model, path)
    return with_batch(model, None)


def digest(path: Path) -> str:
    """SHA-256 of the file `path`, or of the names and bytes of all files in a folder, in the order of their names."""
    if path.is_file():
        return sha256(path.read_bytes())
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return sha256("".join(f"{file.relative_to(path)} {sha256(file.read_bytes())}\n" for file in files).encode())


def with_fixed_batch(model: "keras.Model") -> "keras.Model":
    """`model` on an input of (1, 28, 28), with the same weights: no operator is left that computes a batch size."""
    return with_batch(model, 1)


def with_batch(model: "keras.Model", batch: int | None) -> "keras.Model":
    """`model` with the same weights on an input of `batch` images, None for any number."""
    import keras

    # A name of its own, so that the bytes of a file don't depend on how many models this process has built.
    taken = {layer.name for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)}
    name = next(name for name in ("image", "image_in", "image_to_classify") if name not in taken)
    image = keras.Input(batch_shape=(batch, *model.inputs[0].shape[1:]), name=name)
    if not is_cloneable(model):
        return keras.Model(image, _single(model(image)))
    changed = keras.models.clone_model(model, input_tensors=image)
    changed.set_weights(model.get_weights())
    return changed


def copy_of(model: "keras.Model") -> "keras.Model":
    """A copy of a cloneable `model` with weights of its own."""
    import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def is_cloneable(model: "keras.Model") -> bool:
    """Whether Keras can rebuild `model` layer by layer: not a SavedModel, of which Keras knows one opaque layer."""
    import keras

    known = isinstance(model, keras.Sequential) or type(model).__name__ == "Functional"
    return known and not any(isinstance(layer, keras.layers.TFSMLayer) for layer in all_layers(model))


def all_layers(model: "keras.Model") -> Iterator["keras.layers.Layer"]:
    """All layers of `model`, those of models inside it included."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from all_layers(layer)


def predict(model: "keras.Model", inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """What Keras answers to `inputs`, (N, 28, 28) float32 as the model takes them: (N, classes) float32."""
    result: NDArray[np.float32] = model.predict(inputs, batch_size=_PREDICT_BATCH, verbose=0)
    return result


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ExportError(f"{path}: no such file, expected {_KINDS}; train one with fmnist-train")
    with path.open("rb") as file:
        start = file.read(4)
    kind, endings = {_ZIP: (".keras", (".keras",)), _HDF5: (".h5", (".h5", ".hdf5"))}.get(start, ("", ()))
    if not kind:
        raise ExportError(
            f"{path}: not a .keras file nor another that Keras writes (it starts with {start!r}), expected {_KINDS}; "
            f"save the model with model.save()"
        )
    if path.suffix not in endings:
        raise ExportError(f"{path}: its content is a {kind} file, and Keras wants the name to say so; rename it")


def _load_file(path: Path) -> "keras.Model":
    import keras

    try:
        with quiet_stderr():
            return keras.models.load_model(path, compile=False)
    except Exception as error:  # keras raises whatever its layers, zipfile or h5py raise
        raise ExportError(f"{path}: {_why_not_loaded(str(error))}") from error


def _why_not_loaded(message: str) -> str:
    if unknown := _UNKNOWN_CLASS.search(message):
        name = unknown[1] or unknown[2]
        return f"uses {name!r}, which is not Keras's own; expected Keras's layers alone: build the model without it"
    if "Lambda" in message:
        return "has a Lambda layer, which is a program and not a layer; expected Keras's layers: build it without one"
    return f"Keras cannot load it ({' '.join(message.split())[:200]}); save the model again with model.save()"


def _load_saved_model(path: Path) -> "keras.Model":
    if not (path / "saved_model.pb").is_file():
        raise ExportError(f"{path}: a folder without saved_model.pb, expected {_KINDS}")
    import keras

    tensorflow = import_tensorflow()
    try:
        with quiet_stderr():
            signature = tensorflow.saved_model.load(path).signatures["serving_default"]
            inputs = list(signature.structured_input_signature[1].values())
            if len(inputs) != 1 or len(signature.structured_outputs) != 1:
                raise ExportError(
                    f"{path}: its serving_default has {len(inputs)} inputs and {len(signature.structured_outputs)} "
                    f"outputs, expected one of each"
                )
            layer = keras.layers.TFSMLayer(str(path), call_endpoint="serving_default")
            image = keras.Input(tuple(inputs[0].shape[1:]), dtype=inputs[0].dtype.name)
            return keras.Model(image, _single(layer(image)))
    except ExportError:
        raise
    except Exception as error:  # tensorflow raises OSError, ValueError, KeyError and its own
        reason = " ".join(str(error).split())[:200]
        raise ExportError(f"{path}: not a SavedModel that can be served ({reason}); use model.export()") from error


def _single(output: Any) -> Any:
    """The only tensor in `output`, which a SavedModel's signature returns by name."""
    return next(iter(output.values())) if isinstance(output, dict) else output


def _check_interface(model: "keras.Model", path: Path) -> None:
    if not getattr(model, "inputs", None):
        raise ExportError(f"{path}: the model has no input shape yet; call or build it before model.save()")
    inputs = [tuple(tensor.shape) for tensor in model.inputs]
    outputs = [tuple(tensor.shape) for tensor in model.outputs]
    if len(inputs) != 1 or inputs[0][1:] not in _SHAPES or inputs[0][0] not in (None, 1):
        raise ExportError(f"{path}: the input is {_shapes(inputs)}, expected one of (28, 28) or (28, 28, 1)")
    if model.inputs[0].dtype != "float32":
        raise ExportError(f"{path}: the input is of type {model.inputs[0].dtype}, expected float32")
    if len(outputs) != 1 or len(outputs[0]) != 2 or (outputs[0][1] or 0) < 2:
        raise ExportError(f"{path}: the output is {_shapes(outputs)}, expected one of (classes,), 2 or more")


def _shapes(shapes: list[tuple[int | None, ...]]) -> str:
    return " and ".join(str(shape[1:]) for shape in shapes) or "none"
