"""A person's own model: a function in a Python file, named as FILE.py:FUNCTION, that returns a Keras model."""

import importlib.util
import re
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import ModelCopyError, TrainingError
from fmnist_train.models.recipes import Settings

if TYPE_CHECKING:
    import keras

_REFERENCE = re.compile(r"(.+\.py):([A-Za-z_]\w*)")
_SHAPES = ((None, 28, 28), (None, 28, 28, 1))
_WANTED = f"(None, 28, 28) or (None, 28, 28, 1) and (None, {len(CLASS_NAMES)})"

# What a compiled model has decided already.
_COMPILED = ("learning_rate", "schedule", "weight_decay", "label_smoothing", "teacher", "teacher_weight")


def is_reference(name: str) -> bool:
    """Whether `name` is FILE.py:FUNCTION and not the name of a model."""
    return _REFERENCE.fullmatch(name) is not None


def file_of(name: str) -> Path | None:
    """The file of FILE.py:FUNCTION; None for the name of a model."""
    match = _REFERENCE.fullmatch(name)
    return Path(match[1]) if match else None


def build(name: str) -> "keras.Model":
    """The untrained model `name`, one of MODELS or what FUNCTION of FILE.py returns, compiled or not.

    Raises TrainingError where the file or the function is missing or fails, or its model has another interface than
    (28, 28) or (28, 28, 1) float32 in 0..1 to 10 outputs.
    """
    from fmnist_train.models.networks import MODELS

    if name in MODELS:
        return MODELS[name]()
    return _own(name)[0]


def objects(name: str) -> dict[str, Any] | None:
    """The classes and functions of FILE.py by name, with which a model's file is read; None for the name of a model.

    Raises TrainingError as `build` does.
    """
    from fmnist_train.models import keras_files

    return keras_files.objects_of(*_own(name)) if is_reference(name) else None


def check(settings: Settings, options: dict[str, Any]) -> None:
    """Build the model of `settings` once, so that what is wrong with it is said before the training starts.

    A person's own is asked real images, twice, and must come back from its file as it is. `options` are those that
    were given on the command line, None for the others. Raises TrainingError.
    """
    if settings.looks_twice_unprepared:
        raise TrainingError(
            f"--mirror with --flip {settings.flip:g}: a model that learns from one side of the garments only is worse "
            f"when it looks at both; give --flip 0.5, or leave out --mirror"
        )
    from fmnist_train.models.mirroring import mirrored

    model = build(settings.model)
    written = mirrored(model) if settings.mirror else model
    if is_reference(settings.model):
        _check_answers(model, settings.model)
        _check_compilation(model, settings.model, options)
        _check_round_trip(written, settings.model)


def _check_answers(model: "keras.Model", name: str) -> None:
    from fmnist_keras import comparison, inference
    from fmnist_train.models.distillation import gives_probabilities

    try:
        images = comparison.golden_images(model)
        first, second = inference.call(model, images), inference.call(model, images)
    except Exception as error:  # it is a person's own code
        raise TrainingError(f"{name}: its model fails on images with {_in_words(error)}; mend it") from error
    if not np.isfinite(first).all():
        raise TrainingError(f"{name}: its model answers with numbers that are not finite, untrained; mend it")
    if comparison.difference(first, second, comparison.tolerance(model)):
        raise TrainingError(
            f"{name}: its model answers the same images in two ways; leave out what is random in inference"
        )
    if not model.compiled and not gives_probabilities(first):
        raise TrainingError(
            f"{name}: its model does not give probabilities (they sum to {float(first[0].sum()):.3f}); end it with a "
            f"softmax, or compile it with a loss that takes logits"
        )


def _check_compilation(model: "keras.Model", name: str, options: dict[str, Any]) -> None:
    if not model.compiled:
        return
    given = [option for option in _COMPILED if options.get(option) is not None]
    if given:
        raise TrainingError(
            f"{name}: its model is compiled, which decides --{given[0].replace('_', '-')} already; leave that out, or "
            f"return the model without compiling it"
        )
    loss = model.loss if isinstance(model.loss, str) else getattr(model.loss, "name", "")
    if loss == "categorical_crossentropy":
        raise TrainingError(
            f"{name}: its model is compiled with {loss}, but the labels are integers 0 to 9; compile it with "
            f"sparse_categorical_crossentropy"
        )


def _check_round_trip(model: "keras.Model", name: str) -> None:
    from fmnist_train.models import keras_files

    try:
        keras_files.check_round_trip(model, keras_files.objects_of(model, sys.modules.get(_module_name(name))))
    except (ModelCopyError, TrainingError) as error:
        raise TrainingError(f"{name}: {error}") from error


def _own(name: str) -> "tuple[keras.Model, types.ModuleType]":
    """What FUNCTION of FILE.py returns, and the module that FILE.py is."""
    from fmnist_keras import backend

    with backend.unchanged():
        model, module = _built(name)
    _check_interface(model, name)
    return model, module


def _built(name: str) -> "tuple[keras.Model, types.ModuleType]":
    """The same; a model whose input is not stated is built for the first of the two shapes that it takes."""
    import keras

    failures: list[Exception] = []
    for shape in _SHAPES:
        model, module = _call(name)
        if not isinstance(model, keras.Model):
            raise TrainingError(f"{name}: returned a {type(model).__name__}, expected a Keras model; return one")
        if model.built:
            return model, module
        try:
            model.build(shape)
            # A model of a class of its own knows its shapes once it was called.
            model(np.zeros((1, *shape[1:]), np.float32), training=False)
        except Exception as error:  # it is a person's own code
            failures.append(error)
        else:
            return model, module
    raise TrainingError(f"{name}: its model cannot be built on images ({_in_words(failures[0])}); mend it")


def _check_interface(model: "keras.Model", name: str) -> None:
    try:
        takes, gives = model.input_shape, model.output_shape
        dtype = str(model.inputs[0].dtype)
    except Exception as error:  # Keras raises several kinds for a model of a class of its own
        raise TrainingError(
            f"{name}: its model does not say what it takes and gives ({_in_words(error)}); return a Sequential or a "
            f"functional model from {_WANTED}"
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
            f"{name}: its model takes {takes} and gives {gives}, expected (None, 28, 28) or (None, 28, 28, 1) and "
            f"(None, {len(CLASS_NAMES)}); change its input or its last layer"
        )


def _call(name: str) -> tuple[object, types.ModuleType]:
    match = _REFERENCE.fullmatch(name)
    if match is None:
        raise TrainingError(f"{name}: unknown, expected the name of a model or FILE.py:FUNCTION")
    path = Path(match[1])
    if not path.is_file():
        raise TrainingError(f"{path}: no such file, expected a Python file with a function {match[2]}()")
    module = _module(path, name)
    function: Callable[[], object] | None = getattr(module, match[2], None)
    if not callable(function):
        raise TrainingError(f"{path}: has no function {match[2]}; define one that returns a Keras model")
    try:
        return function(), module
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # it is a person's own code, which may call sys.exit as well
        raise TrainingError(f"{name}: failed with {_in_words(error)}; it takes no arguments, mend it") from error


def _module(path: Path, name: str) -> types.ModuleType:
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
        raise TrainingError(f"{name}: {path} cannot be imported: {_in_words(error)}") from error
    finally:
        sys.path[:] = before
    return module


def _module_name(name: str) -> str:
    path = file_of(name)
    return f"fmnist_builder_{path.stem}" if path else name


def _in_words(error: BaseException) -> str:
    from fmnist_keras.messages import one_line

    text = one_line(error)
    return text if text == type(error).__name__ else f"{type(error).__name__}: {text}"
