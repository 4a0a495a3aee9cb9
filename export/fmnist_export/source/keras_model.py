"""Load the Keras model to export from a .keras file, an .h5 file or a SavedModel, and check its interface.

Nothing is changed but layer names that TensorFlow does not accept.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist_keras import backend
from fmnist_keras.copies import all_layers
from fmnist_runtime.commandline import quiet_stderr
from fmnist_runtime.errors import ExportError
from fmnist_runtime.system.digests import sha256

if TYPE_CHECKING:
    import keras

_ZIP, _HDF5 = b"PK\3\4", b"\x89HDF"
_KINDS = "a .keras file, an .h5 file or a SavedModel folder"
_SHAPES = ((28, 28), (28, 28, 1))
_FLOATS = ("float32", "float16", "bfloat16", "float64")
_KERAS_3 = 3

# The layer names that TensorFlow and its converter accept.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

# How Keras reports a layer that it does not have, for .keras and for .h5 files.
_UNKNOWN_CLASS = re.compile(r"Could not locate (?:class|function) '([^']+)'|Unknown (?:layer|object)[^']*'([^']+)'")


def import_tensorflow(say: Callable[[str], None] = lambda _: None) -> Any:
    """Import tensorflow without its log output, with Keras on it and in float32, whatever Keras's settings are.

    Any backend can load a model file; the converter is TensorFlow's. `say` gets a line for each setting that is
    overridden. Raises FmnistError where TensorFlow or Keras cannot be imported, or where Keras already runs on another
    backend in this process.
    """
    backend.load(say)
    import tensorflow

    return tensorflow


def check_exists(path: Path) -> None:
    """Raise ExportError where `path` is neither a Keras file nor a SavedModel folder; imports nothing slow."""
    if not path.is_dir():
        _check_file(path)
    elif not (path / "saved_model.pb").is_file():
        raise ExportError(f"{path}: a folder without saved_model.pb, expected {_KINDS}")


def load(path: Path) -> "keras.Model":
    """Load the model in `path`, a .keras file, an .h5 file or a SavedModel folder.

    It has one float input of (28, 28) or (28, 28, 1), with a free or a fixed batch size, and one output of (classes,).
    Raises ExportError where the file is missing or not a model, has layers that are not Keras's own, or has another
    interface.
    """
    check_exists(path)
    model = _load_saved_model(path) if path.is_dir() else _load_file(path)
    _check_interface(model, path)
    _check_loops(model, path)
    _rename(model)
    return model


def single(output: Any) -> Any:
    """The only tensor in `output`, which a SavedModel's signature returns by name."""
    return next(iter(output.values())) if isinstance(output, dict) else output


def digest(path: Path) -> str:
    """SHA-256 of the file `path`; for a folder of the names and digests of all its files, sorted by name."""
    if path.is_file():
        return sha256(path.read_bytes())
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return sha256("".join(f"{file.relative_to(path)} {sha256(file.read_bytes())}\n" for file in files).encode())


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ExportError(f"{path}: no such file, expected {_KINDS}; train one with fmnist-train")
    with path.open("rb") as file:
        start = file.read(4)
    kind, endings = {_ZIP: (".keras", (".keras",)), _HDF5: (".h5", (".h5", ".hdf5"))}.get(start, ("", ()))
    if not kind:
        raise ExportError(
            f"{path}: not a .keras file or another file that Keras writes (it starts with {start!r}), "
            f"expected {_KINDS}; save the model with model.save()"
        )
    if path.suffix not in endings:
        raise ExportError(f"{path}: its content is a {kind} file, expected a name that ends with {kind}; rename it")


def _load_file(path: Path) -> "keras.Model":
    import keras

    try:
        with quiet_stderr():
            return keras.models.load_model(path, compile=False)
    except Exception as error:  # keras raises whatever its layers, zipfile or h5py raise
        raise ExportError(f"{path}: {_old_version(path) or _why_not_loaded(str(error))}") from error


def _why_not_loaded(message: str) -> str:
    if unknown := _UNKNOWN_CLASS.search(message):
        name = unknown[1] or unknown[2]
        return (
            f"uses {name!r}, which is not part of Keras; expected only Keras's own layers: build the model without it"
        )
    if "Lambda" in message:
        return "has a Lambda layer, which is arbitrary code; expected only Keras's own layers: build it without one"
    return f"Keras cannot load it ({' '.join(message.split())[:200]}); save the model again with model.save()"


def _old_version(path: Path) -> str:
    """What to do about an .h5 file of a Keras before 3, which Keras 3 may be unable to load; empty for other files."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            stated = file.attrs.get("keras_version", b"")
    except Exception:  # a .keras file, or a damaged one: h5py raises OSError, KeyError, RuntimeError
        return ""
    version = stated.decode("utf-8", "replace") if isinstance(stated, bytes) else str(stated)
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) >= _KERAS_3:
        return ""
    return (
        f"written by Keras {version}, which Keras 3 cannot load; load it with TensorFlow 2.15 "
        f"(tf.keras.models.load_model), export it there as a SavedModel (model.export), and give that folder"
    )


def _load_saved_model(path: Path) -> "keras.Model":
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
            image = keras.Input(batch_shape=tuple(inputs[0].shape), dtype=inputs[0].dtype.name)
            return keras.Model(image, single(layer(image)))
    except ExportError:
        raise
    except Exception as error:  # tensorflow raises OSError, ValueError, KeyError and its own
        reason = " ".join(str(error).split())[:200]
        raise ExportError(
            f"{path}: not a SavedModel with a serving signature ({reason}); write it with model.export()"
        ) from error


def _check_interface(model: "keras.Model", path: Path) -> None:
    if not getattr(model, "inputs", None):
        raise ExportError(f"{path}: the model has no input shape yet; build or call it before model.save()")
    inputs = [tuple(tensor.shape) for tensor in model.inputs]
    outputs = [tuple(tensor.shape) for tensor in model.outputs]
    if len(inputs) != 1 or inputs[0][1:] not in _SHAPES:
        raise ExportError(f"{path}: the input is {_shapes(inputs)}, expected one of (28, 28) or (28, 28, 1)")
    if model.inputs[0].dtype not in _FLOATS:
        raise ExportError(f"{path}: the input is of type {model.inputs[0].dtype}, expected float32")
    if len(outputs) != 1 or len(outputs[0]) != 2 or (outputs[0][1] or 0) < 2:
        raise ExportError(f"{path}: the output is {_shapes(outputs)}, expected one of (classes,), 2 or more")


def _check_loops(model: "keras.Model", path: Path) -> None:
    """Refuse recurrent layers with a loop: they become separate subgraphs, which small interpreters do not run."""
    import keras

    for layer in all_layers(model):
        if isinstance(layer, keras.layers.RNN) and not getattr(layer, "unroll", False):
            raise ExportError(
                f"{path}: its {type(layer).__name__} layer {layer.name!r} is a loop, expected a graph without loops; "
                f"build the layer with unroll=True and the same weights, and save the model again"
            )


def _rename(model: "keras.Model") -> None:
    """Give layers names that TensorFlow accepts: Keras and its other backends allow any."""
    import keras

    layers = [layer for layer in all_layers(model) if not isinstance(layer, keras.layers.InputLayer)]
    taken = {layer.name for layer in layers}
    for layer in layers:
        if not _PLAIN_NAME.fullmatch(layer.name):
            name = "layer_" + re.sub(r"[^A-Za-z0-9_.-]+", "_", layer.name).strip("_.-")
            while name in taken:
                name += "_"
            taken.add(name)
            layer.name = name


def _shapes(shapes: list[tuple[int | None, ...]]) -> str:
    return " and ".join(str(shape[1:]) for shape in shapes) or "none"
