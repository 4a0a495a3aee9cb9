"""Checks of a model before its training, so that what is wrong with it is reported before any time is spent.

A person's own model, FILE.py:FUNCTION, is called with real images twice, its compilation is checked, and it must be the
same model after it was saved and loaded.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from fmnist_keras import comparison, inference
from fmnist_runtime.errors import ModelCopyError, TrainingError
from fmnist_train.models import builders, keras_files
from fmnist_train.models.distillation import are_probabilities
from fmnist_train.models.mirroring import mirrored
from fmnist_train.models.settings import TrainingSettings

if TYPE_CHECKING:
    import keras

# The settings that a compiled model has decided already.
_COMPILED = ("learning_rate", "schedule", "weight_decay", "label_smoothing", "teacher", "teacher_weight")


def check(settings: TrainingSettings, options: dict[str, Any]) -> None:
    """Build the model of `settings` once and check it.

    `options` are the settings that the command line states, None for the others. Raises TrainingError.
    """
    if settings.mirror_lacks_flips:
        raise TrainingError(
            f"--mirror with --flip {settings.flip:g}: a model that learns from one side of the garments only is less "
            f"accurate when it looks at both; give --flip 0.5, or leave out --mirror"
        )
    model = builders.build(settings.model)
    final = mirrored(model) if settings.mirror else model
    if builders.is_reference(settings.model):
        _check_outputs(model, settings.model)
        _check_compilation(model, settings.model, options)
        _check_round_trip(final, settings.model)


def _check_outputs(model: "keras.Model", name: str) -> None:
    try:
        images = comparison.golden_images(model)
        first, second = inference.call(model, images), inference.call(model, images)
    except Exception as error:  # it is a person's own code
        raise TrainingError(
            f"{name}: its model fails on images with {builders.describe_error(error)}; mend it"
        ) from error
    if not np.isfinite(first).all():
        raise TrainingError(f"{name}: the outputs of its untrained model are not finite numbers; mend it")
    if comparison.difference(first, second, comparison.tolerance(model)):
        raise TrainingError(
            f"{name}: its model gives two different outputs for the same images; leave out what is random in inference"
        )
    if not model.compiled and not are_probabilities(first):
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
    objects = keras_files.custom_objects(model, builders.loaded_module(name))
    try:
        keras_files.check_round_trip(model, objects)
    except (ModelCopyError, TrainingError) as error:
        raise TrainingError(f"{name}: {error}") from error
