"""The model that the converter gets: a copy of the given Keras model in float32 on a batch of one.

The reference of every proof is the given model itself. A copy is used only where it gives the outputs of its original
on real images: fmnist_keras tells how state is carried over and compared.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.source.keras_model import single
from fmnist_keras import copies
from fmnist_keras.comparison import check_same, half_precision, is_same
from fmnist_keras.messages import one_line
from fmnist_runtime.errors import ExportError

if TYPE_CHECKING:
    import keras

# Enough real images to show a wrong layer, few enough for a fraction of a second one by one.
_IMAGES = 64
_INPUT_NAME = "image"
_COPY = "the copy for the conversion"


def with_fixed_batch(model: "keras.Model", images: NDArray[np.float32]) -> "keras.Model":
    """`model` in float32 on an input of one image, so that no operator is left that computes a batch size.

    `images`, (N, ...) float32 as the model takes them, are real ones, for which the copy must give the outputs of
    `model`. Where rebuilding the layers gives another model, the model itself is called on a batch of one. Raises
    ModelCopyError, with the name of the layer that differs, where that differs too, and ExportError where a copy cannot
    be built at all.
    """
    shape = tuple(model.inputs[0].shape[1:])
    if not copies.is_rebuildable(model):
        called = _call_on_one(model, shape)
        check_copy(model, called, images)
        return called
    copy = _rebuild_in_float32(model, _input(model, (1, *shape)))
    if is_same(model, copy, images[:_IMAGES]):
        return copy
    # Called on one image, a model still computes in half precision.
    if not half_precision(model):
        called = _call_on_one(model, shape)
        if is_same(model, called, images[:_IMAGES]):
            return called
    check_copy(model, copy, images)
    return copy


def float32_copy(model: "keras.Model", images: NDArray[np.float32]) -> "keras.Model":
    """A copy of a rebuildable `model` in float32, with weights of its own. Arguments, errors as `with_fixed_batch`."""
    copy = _rebuild_in_float32(model, _input(model, (None, *model.inputs[0].shape[1:])))
    check_copy(model, copy, images)
    return copy


def check_copy(model: "keras.Model", copy: "keras.Model", images: NDArray[np.float32]) -> None:
    """Raise ModelCopyError, with the layer's name, where `copy` differs from `model` on the first of `images`."""
    check_same(model, copy, _COPY, images[:_IMAGES])


def _call_on_one(model: "keras.Model", shape: tuple[int, ...]) -> "keras.Model":
    """A model of the very layers of `model`, called on one image of `shape`."""
    import keras

    image = _input(model, (1, *shape))
    try:
        return keras.Model(image, single(model(image)))
    except Exception as error:  # what a model raises that takes another number of images
        raise ExportError(
            f"the model cannot be called on one image ({one_line(error)}); save it with an input of any number of "
            f"images"
        ) from error


def _rebuild_in_float32(model: "keras.Model", image: Any) -> "keras.Model":
    """`model` built again on `image`, a Keras tensor, with its state, in float32."""

    def in_float32(layer: Any) -> Any:
        return type(layer).from_config(_in_float32(layer.get_config()))

    has_other_types = any(layer.compute_dtype != "float32" for layer in copies.all_layers(model))
    try:
        return copies.rebuild(model, in_float32 if has_other_types else None, input_tensors=image)
    except Exception as error:  # Keras raises whatever a layer's from_config or build raises
        raise ExportError(
            f"Keras cannot build the model's layers again ({type(error).__name__}: {one_line(error)}); "
            f"save it as a SavedModel with model.export() and give that folder"
        ) from error


def _input(model: "keras.Model", batch_shape: tuple[int | None, ...]) -> Any:
    """An input of `batch_shape` with a name of its own.

    So the bytes of a file don't depend on how many models this process has built, and no layer has the input's name:
    the converter puts them into one namespace, where a name and its beginning exclude each other.
    """
    import keras

    taken = {layer.name for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)}
    name = _INPUT_NAME
    while any(other.startswith(name) for other in taken):
        name = f"the_{name}"
    return keras.Input(batch_shape=batch_shape, name=name)


def _in_float32(config: Any) -> Any:
    """A layer's settings with float32 for the type that it computes in, those of the layers inside it included."""
    if isinstance(config, dict):
        return {key: "float32" if key == "dtype" else _in_float32(value) for key, value in config.items()}
    return [_in_float32(value) for value in config] if isinstance(config, list | tuple) else config
