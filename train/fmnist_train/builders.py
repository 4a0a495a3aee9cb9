"""A person's own model: a function in a Python file, named as FILE.py:FUNCTION, that returns a Keras model."""

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fmnist_runtime.errors import TrainingError
from fmnist_runtime.labels import CLASS_NAMES
from fmnist_train.settings import Settings

if TYPE_CHECKING:
    import keras

_REFERENCE = re.compile(r"(.+\.py):([A-Za-z_]\w*)")
_SHAPES = ((None, 28, 28), (None, 28, 28, 1))

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
    from fmnist_train.models import MODELS

    if name in MODELS:
        return MODELS[name]()
    model = _call(name)
    import keras

    if not isinstance(model, keras.Model):
        raise TrainingError(f"{name}: returned a {type(model).__name__}, expected a Keras model; return one")
    if not model.built:
        model.build((None, 28, 28))
    if model.input_shape not in _SHAPES or model.output_shape != (None, len(CLASS_NAMES)):
        raise TrainingError(
            f"{name}: its model takes {model.input_shape} and gives {model.output_shape}, expected (None, 28, 28) or "
            f"(None, 28, 28, 1) and (None, {len(CLASS_NAMES)}); change its input or its last layer"
        )
    return model


def check(settings: Settings, options: dict[str, Any]) -> None:
    """Build the model of `settings` once, so that what is wrong with it is said before the training starts.

    `options` are those that were given on the command line, None for the others. Raises TrainingError.
    """
    model = build(settings.model)
    if settings.mirror:
        from fmnist_train.mirroring import mirrored

        mirrored(model)
    if not model.compiled:
        _check_probabilities(model, settings.model)
        return
    given = [name for name in _COMPILED if options.get(name) is not None]
    if given:
        raise TrainingError(
            f"{settings.model}: its model is compiled, which decides --{given[0].replace('_', '-')} already; leave "
            f"that out, or return the model without compiling it"
        )
    loss = model.loss if isinstance(model.loss, str) else getattr(model.loss, "name", "")
    if loss == "categorical_crossentropy":
        raise TrainingError(
            f"{settings.model}: its model is compiled with {loss}, but the labels are integers 0 to 9; compile it "
            f"with sparse_categorical_crossentropy"
        )


def _check_probabilities(model: "keras.Model", name: str) -> None:
    outputs = np.asarray(model(np.zeros((1, *model.input_shape[1:]), np.float32)))
    if outputs.min() < 0 or abs(float(outputs.sum()) - 1) > 1e-3:
        raise TrainingError(
            f"{name}: its model does not give probabilities (they sum to {float(outputs.sum()):.3f}); end it with a "
            f"softmax, or compile it with a loss that takes logits"
        )


def _call(name: str) -> object:
    match = _REFERENCE.fullmatch(name)
    if match is None:
        raise TrainingError(f"{name}: unknown, expected the name of a model or FILE.py:FUNCTION")
    path = Path(match[1])
    if not path.is_file():
        raise TrainingError(f"{path}: no such file, expected a Python file with a function {match[2]}()")
    function: Callable[[], object] | None = getattr(_module(path, name), match[2], None)
    if not callable(function):
        raise TrainingError(f"{path}: has no function {match[2]}; define one that returns a Keras model")
    try:
        return function()
    except Exception as error:  # it is a person's own code
        raise TrainingError(f"{name}: failed with {_in_words(error)}; it takes no arguments, mend it") from error


def _module(path: Path, name: str) -> object:
    spec = importlib.util.spec_from_file_location(f"fmnist_builder_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # it is a person's own code
        raise TrainingError(f"{name}: {path} cannot be imported: {_in_words(error)}") from error
    finally:
        sys.path.pop(0)
    return module


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
