"""Building the untrained model of a training: one of networks.py by its name, or what FILE.py:FUNCTION returns."""

import importlib.util
import re
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fmnist_keras.messages import one_line
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import TrainingError

if TYPE_CHECKING:
    import keras

_REFERENCE = re.compile(r"(.+\.py):([A-Za-z_]\w*)")
_SHAPES = ((None, 28, 28), (None, 28, 28, 1))
_EXPECTED = f"(None, 28, 28) or (None, 28, 28, 1) and (None, {len(CLASS_NAMES)})"


def is_reference(name: str) -> bool:
    """Whether `name` is FILE.py:FUNCTION and not the name of a model."""
    return _REFERENCE.fullmatch(name) is not None


def build(name: str) -> "keras.Model":
    """The untrained model `name`, one of MODELS or what FUNCTION of FILE.py returns, compiled or not.

    Raises TrainingError where the file or the function is missing or fails, or its model has another interface than
    (28, 28) or (28, 28, 1) float32 in 0..1 to 10 outputs.
    """
    from fmnist_train.models.networks import MODELS

    if name in MODELS:
        return MODELS[name]()
    return _build_custom(name)[0]


def custom_objects(name: str) -> dict[str, Any] | None:
    """The classes and functions of FILE.py by name, with which a model file is read; None for the name of a model.

    Raises TrainingError as `build` does.
    """
    from fmnist_train.models import keras_files

    return keras_files.custom_objects(*_build_custom(name)) if is_reference(name) else None


def loaded_module(name: str) -> types.ModuleType | None:
    """The module that FILE.py of `name` became when its model was built last; None where that was never done."""
    return sys.modules.get(_module_name(name))


def describe_error(error: BaseException) -> str:
    """The class and the message of an error of a person's own code, on one line."""
    text = one_line(error)
    return text if text == type(error).__name__ else f"{type(error).__name__}: {text}"


def _build_custom(name: str) -> "tuple[keras.Model, types.ModuleType]":
    """What FUNCTION of FILE.py returns, and the module that FILE.py is. Leaves Keras's settings as they were."""
    from fmnist_keras import backend

    with backend.settings_restored():
        model, module = _build_for_images(name)
    _check_interface(model, name)
    return model, module


def _build_for_images(name: str) -> "tuple[keras.Model, types.ModuleType]":
    """The same; a model without a stated input is built for the first of the two shapes that it takes."""
    import keras

    failures: list[Exception] = []
    for shape in _SHAPES:
        model, module = _call_function(name)
        if not isinstance(model, keras.Model):
            raise TrainingError(f"{name}: returned a {type(model).__name__}, expected a Keras model; return one")
        if model.built:
            return model, module
        try:
            model.build(shape)
            # A model of a class of its own knows its shapes only after it was called.
            model(np.zeros((1, *shape[1:]), np.float32), training=False)
        except Exception as error:  # it is a person's own code
            failures.append(error)
        else:
            return model, module
    raise TrainingError(f"{name}: its model cannot be built on images ({describe_error(failures[0])}); mend it")


def _check_interface(model: "keras.Model", name: str) -> None:
    try:
        takes, gives = model.input_shape, model.output_shape
        dtype = str(model.inputs[0].dtype)
    except Exception as error:  # Keras raises several kinds for a model of a class of its own
        raise TrainingError(
            f"{name}: its model does not state its input and output ({describe_error(error)}); return a Sequential or "
            f"a functional model from {_EXPECTED}"
        ) from error
    if takes in tuple((takes[0] if isinstance(takes, tuple) and takes else 0, *shape[1:]) for shape in _SHAPES):
        if takes[0] is not None:
            raise TrainingError(
                f"{name}: its model has a fixed batch of {takes[0]}, expected any; give its input a shape alone, "
                f"such as keras.Input((28, 28))"
            )
        if not dtype.startswith(("float", "bfloat")):
            raise TrainingError(
                f"{name}: its model takes {dtype}, expected float32, for pixels in 0..1; leave out the input's dtype"
            )
    if takes not in _SHAPES or gives != (None, len(CLASS_NAMES)):
        raise TrainingError(
            f"{name}: its model takes {takes} and gives {gives}, expected {_EXPECTED}; change its input or its last "
            f"layer"
        )


def _call_function(name: str) -> tuple[object, types.ModuleType]:
    match = _REFERENCE.fullmatch(name)
    if match is None:
        raise TrainingError(f"{name}: unknown, expected the name of a model or FILE.py:FUNCTION")
    path = Path(match[1])
    if not path.is_file():
        raise TrainingError(f"{path}: no such file, expected a Python file with a function {match[2]}()")
    module = _import_file(path, name)
    function: Callable[[], object] | None = getattr(module, match[2], None)
    if not callable(function):
        raise TrainingError(f"{path}: has no function {match[2]}; define one that returns a Keras model")
    try:
        return function(), module
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # it is a person's own code, which may call sys.exit as well
        raise TrainingError(f"{name}: failed with {describe_error(error)}; it takes no arguments, mend it") from error


def _import_file(path: Path, name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(_module_name(name), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    before = list(sys.path)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # it is a person's own code
        raise TrainingError(f"{name}: {path} cannot be imported ({describe_error(error)}); mend it") from error
    finally:
        sys.path[:] = before
    return module


def _module_name(name: str) -> str:
    match = _REFERENCE.fullmatch(name)
    return f"fmnist_builder_{Path(match[1]).stem}" if match else name
