"""Whether a copy of a Keras model gives the outputs of its original on real images, and which layer differs first."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_keras import inference
from fmnist_keras.copies import all_layers, is_rebuildable, layer_pairs
from fmnist_runtime.data.dataset import to_float
from fmnist_runtime.errors import ModelCopyError
from fmnist_runtime.model import golden, shipped

if TYPE_CHECKING:
    import keras

# How far an output of a copy may be from its original's, as a share of the largest output. float32 has 24 bits, and
# sums in another order differ by some 1e-6.
TOLERANCE = 1e-4
# float16 has 11 bits, bfloat16 has 8.
HALF_TOLERANCE = 0.02
# A copy in float32 does not round as its original in half precision does.
HALF_TO_FLOAT32_TOLERANCE = 0.05


def golden_images(model: "keras.Model") -> NDArray[np.float32]:
    """The shipped golden images as `model` takes them, (100, 28, 28) or (100, 28, 28, 1), in 0..1."""
    images = to_float(golden.read(shipped.golden_path()).images)
    return images[..., None] if len(model.input_shape) == 4 else images


def half_precision(model: "keras.Model") -> str | None:
    """The half precision in which a layer of `model` computes: "bfloat16", else "float16", else None."""
    types = {str(layer.compute_dtype) for layer in all_layers(model)}
    return next((name for name in ("bfloat16", "float16") if name in types), None)


def tolerance(original: "keras.Model", copy: "keras.Model | None" = None) -> float:
    """The largest difference between outputs of `original` and of `copy`, as a share of the largest output.

    Without a `copy`: between two ways to compute the outputs of `original` itself.
    """
    if not half_precision(original):
        return TOLERANCE
    return HALF_TOLERANCE if copy is None or half_precision(copy) else HALF_TO_FLOAT32_TOLERANCE


def difference(expected: NDArray[Any], found: NDArray[Any], share: float) -> str | None:
    """What differs between outputs (N, classes), in words; None where they are the same.

    The same means: no output differs by more than `share` of the largest one, and the argmax changes only between two
    outputs that are nearer to each other than that.
    """
    expected, found = np.asarray(expected, np.float64), np.asarray(found, np.float64)
    if expected.shape != found.shape:
        return f"outputs of shape {found.shape}, expected {expected.shape}"
    is_finite = bool(np.isfinite(expected).all() and np.isfinite(found).all())
    largest = float(np.max(np.abs(expected - found))) if is_finite else float("nan")
    # Logits of 60 units carry errors of their size.
    limit = share * max(float(np.max(np.abs(expected))), 1e-6) if is_finite else share
    rows = np.arange(len(expected))
    lead = expected[rows, expected.argmax(axis=1)] - expected[rows, found.argmax(axis=1)]
    changed = int(np.sum(lead > limit))
    if largest <= limit and not changed:
        return None
    return (
        f"its outputs differ by {largest:.2g}, expected at most {limit:.2g}, and {changed} of {len(rows)} images get "
        f"another class"
    )


def is_same(original: "keras.Model", copy: "keras.Model", images: NDArray[np.float32] | None = None) -> bool:
    """Whether `copy` gives the outputs of `original` for `images`, (N, ...) as it takes them, or the golden images."""
    return model_difference(original, copy, images) is None


def check_same(
    original: "keras.Model", copy: "keras.Model", description: str, images: NDArray[np.float32] | None = None
) -> None:
    """Raise ModelCopyError, which names the first layer that differs, unless `is_same`.

    `description` tells which copy it is, such as "the copy read from its file".
    """
    images = golden_images(original) if images is None else images
    found = model_difference(original, copy, images)
    if found:
        layer = _first_difference(original, copy, images)
        raise ModelCopyError(
            f"{original.name}: {description} is another model ({found}{layer and ', first in layer ' + layer}); "
            f"replace that layer, or give it get_config, save_own_variables and load_own_variables that keep all of "
            f"its state"
        )


def model_difference(
    original: "keras.Model", copy: "keras.Model", images: NDArray[np.float32] | None = None
) -> str | None:
    """What differs between the outputs of two models for `images`, in words; None where they are the same."""
    images = golden_images(original) if images is None else images
    expected, found = (inference.call(model, images) for model in (original, copy))
    return difference(expected, found, tolerance(original, copy))


def _first_difference(original: "keras.Model", copy: "keras.Model", images: Any) -> str:
    """The first layer whose outputs differ, "outer/inner" in a nested model; "" where none can be found."""
    try:
        pairs = layer_pairs(original, copy)
        expected = _outputs(original, [layer for layer, _ in pairs], images)
        found = _outputs(copy, [layer for _, layer in pairs], images)
        share = tolerance(original, copy)
        for (layer, other), one, another in zip(pairs, expected, found, strict=True):
            if difference(one.reshape(len(one), -1), another.reshape(len(another), -1), share):
                return _layer_name(layer, other, original, images)
    except Exception:  # a graph that cannot be called in part: the message goes without the layer
        return ""
    return ""


def _layer_name(layer: Any, other: Any, original: "keras.Model", images: Any) -> str:
    import keras

    if not (isinstance(layer, keras.Model) and is_rebuildable(layer)):
        return f"{layer.name} ({type(layer).__name__})"
    before = keras.Model(_input(original), layer._inbound_nodes[-1].input_tensors[0])
    inside = _first_difference(layer, other, np.asarray(_call(before, images)[0]))
    return f"{layer.name}/{inside}" if inside else f"{layer.name} ({type(layer).__name__})"


def _outputs(model: "keras.Model", layers: Iterable[Any], images: Any) -> list[NDArray[Any]]:
    """The outputs of each of `layers` where `model` calls it last."""
    import keras

    # layer.output of a nested model is inside it.
    outputs = [layer._inbound_nodes[-1].output_tensors[0] for layer in layers]
    return _call(keras.Model(_input(model), outputs), images)


def _call(model: "keras.Model", images: Any) -> list[NDArray[Any]]:
    """All outputs of `model` for `images`, in batches of its own size where that is fixed."""
    import keras

    size = model.inputs[0].shape[0] or len(images)
    parts = [model(images[start : start + size], training=False) for start in range(0, len(images), size)]
    columns = zip(*(part if isinstance(part, list | tuple) else [part] for part in parts), strict=True)
    return [np.concatenate([keras.ops.convert_to_numpy(part) for part in column]) for column in columns]


def _input(model: "keras.Model") -> Any:
    return model.inputs[0] if len(model.inputs) == 1 else model.inputs
