"""Copies of a Keras model, each compared with the model that it is a copy of.

A conversion needs another model than the one that was given: on a batch of one, in float32, with scaled weights. The
reference of every proof is the given model itself (reference.py); a copy is what the converter gets, and it is used
only where it answers real images as its original does. Keras rebuilds a model from its layers' settings and weights,
and a layer may have state that is neither: an adapted Normalization computes its mean from its weights when it is
loaded, and only then.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.source import reference
from fmnist_runtime.errors import ExportError

if TYPE_CHECKING:
    import keras

# How far an output of a copy may be from its original's, as a share of the largest output: float32 has 24 bits, and a
# batch of one sums in another order than a batch of many.
TOLERANCE = 1e-4
# Mixed precision computes with the 11 bits of float16, a copy in float32 does not.
HALF_TOLERANCE = 0.05
# Enough real images to show a wrong layer, few enough for a fraction of a second one by one.
_IMAGES = 64

_INPUT_NAME = "image"


def with_fixed_batch(model: "keras.Model", images: NDArray[np.float32]) -> "keras.Model":
    """`model` in float32 on an input of one image: no operator is left that computes a batch size.

    `images`, (N, ...) float32 as the model takes them, are real ones, on which the copy must answer as `model` does.
    Where rebuilding the layers gives another model, the model itself is called on a batch of one. Raises ExportError,
    with the name of the layer that differs, where that does too.
    """
    images = images[:_IMAGES]
    shape = tuple(model.inputs[0].shape[1:])
    if not is_cloneable(model):
        return same(_called(model, shape), model, images)
    copy = _rebuilt(model, _input(model, (1, *shape)))
    if difference(copy, model, images) is None:
        return copy
    if half_precision(model):
        raise _differs(copy, model, images)
    called = _called(model, shape)
    if difference(called, model, images) is None:
        return called
    raise _differs(copy, model, images)


def copy_of(model: "keras.Model", images: NDArray[np.float32]) -> "keras.Model":
    """A copy of a cloneable `model`, in float32, with weights of its own. `images` and errors as `with_fixed_batch`."""
    return same(_rebuilt(model, _input(model, (None, *model.inputs[0].shape[1:]))), model, images)


def is_cloneable(model: "keras.Model") -> bool:
    """Whether Keras can rebuild `model` layer by layer: not a SavedModel, of which Keras knows one opaque layer."""
    import keras

    known = isinstance(model, keras.Sequential) or type(model).__name__ == "Functional"
    return known and not any(isinstance(layer, keras.layers.TFSMLayer) for layer in all_layers(model))


def all_layers(model: "keras.Model") -> Iterator["keras.layers.Layer"]:
    """All layers of `model`, those of models and wrappers inside it included."""
    yield from model._flatten_layers(include_self=False)


def transfer_state(model: "keras.Model", copy: "keras.Model") -> None:
    """Give `copy`, which has the layers of `model`, its state, as each layer itself saves and loads it in a file."""
    for original, other in zip(all_layers(model), all_layers(copy), strict=True):
        store: dict[str, Any] = {}
        original.save_own_variables(store)
        if store:
            other.load_own_variables({name: np.asarray(value) for name, value in store.items()})


def half_precision(model: "keras.Model") -> str | None:
    """The half precision that a layer of `model` computes in: "bfloat16", else "float16", else None."""
    types = {layer.compute_dtype for layer in all_layers(model)}
    return next((name for name in ("bfloat16", "float16") if name in types), None)


def same(copy: "keras.Model", model: "keras.Model", images: NDArray[np.float32]) -> "keras.Model":
    """`copy`, where it answers the first of `images` as `model` does; else ExportError, with the layer's name."""
    images = images[:_IMAGES]
    if difference(copy, model, images) is not None:
        raise _differs(copy, model, images)
    return copy


def difference(copy: "keras.Model", model: "keras.Model", images: NDArray[np.float32]) -> str | None:
    """What differs between the answers of `copy` and of `model` to `images`; None where they are the same.

    The same: no output is further off than the tolerance, and no argmax turns whose margin is above it.
    """
    mine, theirs = (reference.predict(each, images) for each in (copy, model))
    limit = (HALF_TOLERANCE if half_precision(model) else TOLERANCE) * max(float(np.abs(theirs).max()), 1e-6)
    furthest = float(np.abs(mine - theirs).max())
    if not furthest <= limit:
        return f"an output is {furthest:.3g} off, at most {limit:.3g} is expected"
    first_two = np.partition(theirs, -2, axis=1)[:, -2:]
    turned = (mine.argmax(axis=1) != theirs.argmax(axis=1)) & (first_two[:, 1] - first_two[:, 0] > limit)
    return f"{int(turned.sum())} of {len(images)} images get another class" if turned.any() else None


def _differs(copy: "keras.Model", model: "keras.Model", images: NDArray[np.float32]) -> ExportError:
    layer = _first_that_differs(copy, model, images)
    return ExportError(
        f"the copy that is converted does not answer as the model ({difference(copy, model, images)}); it differs from "
        f"{layer} on; replace that layer, or save the model in another way"
    )


def _first_that_differs(copy: "keras.Model", model: "keras.Model", images: NDArray[np.float32]) -> str:
    """The kind and the name of the first layer of `model` whose output in `copy` is another."""
    import keras

    for mine, theirs in zip(copy.layers, model.layers, strict=False):
        try:
            parts = keras.Model(copy.inputs, mine.output), keras.Model(model.inputs, theirs.output)
        except (AttributeError, ValueError):  # called more than once, or not a part of the graph: Keras has no output
            continue
        first, second = (np.asarray(reference.predict(part, images), np.float64) for part in parts)
        if first.shape != second.shape or not np.allclose(first, second, rtol=1e-3, atol=1e-5):
            return f"its {type(theirs).__name__} layer {theirs.name!r}"
    return "its last layer"


def _called(model: "keras.Model", shape: tuple[int, ...]) -> "keras.Model":
    """`model` itself, its very layers, called on one image of `shape`."""
    import keras

    image = _input(model, (1, *shape))
    try:
        return keras.Model(image, single(model(image)))
    except Exception as error:  # what a model raises that takes another number of images
        reason = " ".join(str(error).split())[:160]
        raise ExportError(
            f"the model cannot be called on one image ({reason}); save it with an input of any number of images"
        ) from error


def single(output: Any) -> Any:
    """The only tensor in `output`, which a SavedModel's signature returns by name."""
    return next(iter(output.values())) if isinstance(output, dict) else output


def _rebuilt(model: "keras.Model", image: Any) -> "keras.Model":
    """`model` built anew on `image`, a Keras tensor, with its state, in float32."""
    import keras

    def in_float32(layer: Any) -> Any:
        return type(layer).from_config(_in_float32(layer.get_config()))

    other_types = any(layer.compute_dtype != "float32" for layer in all_layers(model))
    try:
        copy = keras.models.clone_model(model, input_tensors=image, clone_function=in_float32 if other_types else None)
        transfer_state(model, copy)
    except Exception as error:  # Keras raises whatever a layer's from_config or build raises
        reason = " ".join(str(error).split())[:160]
        raise ExportError(
            f"Keras cannot build the model's layers again ({type(error).__name__}: {reason}); "
            f"save it as a SavedModel with model.export() and give that folder"
        ) from error
    return copy


def _input(model: "keras.Model", batch_shape: tuple[int | None, ...]) -> Any:
    """An input of `batch_shape`, of a name of its own.

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
