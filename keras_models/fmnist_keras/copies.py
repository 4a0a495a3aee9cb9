"""Copies of a model that are the model: all state carried over, then compared with the original on real images.

Keras's clone_model with set_weights is not enough. Some layers compute with what they derive from their weights when
these are loaded (an adapted Normalization with its mean: set_weights leaves it the identity), some keep tables that
are no weights, some save other variables than they hold (a Dense with LoRA). What is right for each layer is what
Keras's own file format asks of it: save_own_variables, load_own_variables, save_assets and load_assets.
"""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import TrainingError
from fmnist_runtime.model import golden, shipped

# The same sums in another order differ by some 1e-6 in float32, of outputs of the size of 1.
TOLERANCE = 1e-4
# float16 has 11 bits, bfloat16 has 8.
_TOLERANCE_IN_16_BITS = 2e-2


def is_rebuildable(model: keras.Model) -> bool:
    """Whether Keras can build `model` again layer by layer: a Sequential or a functional model."""
    return isinstance(model, keras.Sequential) or type(model).__name__ == "Functional"


def cloned(
    model: keras.Model,
    change: Callable[[keras.layers.Layer], keras.layers.Layer] | None = None,
    **options: Any,
) -> keras.Model:
    """`model` built again layer by layer, each by `change` or by its configuration, with all state carried over.

    `options` are those of keras.models.clone_model. Raises what a layer raises of its configuration, and TrainingError
    as `transfer` does.
    """
    pairs: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def again(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = change(layer) if change else type(layer).from_config(layer.get_config())
        pairs.append((layer, copy))
        return copy

    copy = keras.models.clone_model(model, clone_function=again, **options)
    _transfer(model.name, pairs)
    return copy


def transfer(source: keras.Model, target: keras.Model) -> None:
    """Give the layers of `target` all state of those of `source`: by name where the names are the same, else in order.

    Layers of `target` that `source` does not have stay as they are. Raises TrainingError where a layer's state cannot
    be carried over.
    """
    _transfer(source.name, _pairs(source, target))


def _transfer(name: str, pairs: Iterable[tuple[keras.layers.Layer, keras.layers.Layer]]) -> None:
    for original, copy in pairs:
        parts, others = _parts(original), _parts(copy)
        if len(parts) != len(others):
            raise TrainingError(f"{name}: the copy of its layer {original.name} has other layers inside")
        for part, other in zip(parts, others, strict=True):
            try:
                _transfer_own(part, other)
            except Exception as error:  # each layer's own code
                reason = " ".join(str(error).split())[:160]
                raise TrainingError(
                    f"{name}: the state of its layer {part.name} ({type(part).__name__}) cannot be copied "
                    f"({type(error).__name__}: {reason})"
                ) from error


def real_images(model: keras.Model) -> NDArray[np.float32]:
    """Real images, (100, 28, 28) or (100, 28, 28, 1) as `model` takes them, in 0..1: the shipped golden images."""
    images = golden.read(shipped.golden_path()).images.astype(np.float32) / np.float32(255)
    return images[..., None] if len(model.input_shape) == 4 else images


def tolerance(model: keras.Model) -> float:
    """By how much the outputs of the same model may differ, computed in another way."""
    halves = any(str(part.compute_dtype) in ("float16", "bfloat16") for part in _parts(model))
    return _TOLERANCE_IN_16_BITS if halves else TOLERANCE


def difference(expected: NDArray[Any], found: NDArray[Any], allowed: float) -> str | None:
    """What differs between outputs (N, classes), in words; None where they are the same within `allowed`.

    No answer may be turned, save between two outputs that are nearer to each other than what is allowed.
    """
    expected, found = np.asarray(expected, np.float64), np.asarray(found, np.float64)
    if expected.shape != found.shape:
        return f"outputs of shape {found.shape}, expected {expected.shape}"
    largest = float(np.max(np.abs(expected - found))) if np.isfinite(expected - found).all() else float("nan")
    # Logits of 60 units carry errors of their size.
    allowed *= max(1.0, float(np.max(np.abs(expected))) if np.isfinite(expected).all() else 1.0)
    rows = np.arange(len(expected))
    lead = expected[rows, expected.argmax(axis=1)] - expected[rows, found.argmax(axis=1)]
    turned = int(np.sum(lead > allowed))
    if largest <= allowed and not turned:
        return None
    return (
        f"its outputs differ by {largest:.2g}, expected {allowed:.2g} at most, and {turned} of {len(rows)} answers are "
        f"other ones"
    )


def is_same(original: keras.Model, copy: keras.Model) -> bool:
    """Whether `copy` answers real images as `original` does."""
    images = real_images(original)
    return difference(answer(original, images), answer(copy, images), tolerance(original)) is None


def check(original: keras.Model, copy: keras.Model, purpose: str) -> None:
    """Raise TrainingError, which names the first layer that differs, unless `copy` answers real images as `original`.

    `purpose` says what the copy was made for.
    """
    images = real_images(original)
    found = difference(answer(original, images), answer(copy, images), tolerance(original))
    if found:
        layer = _first_difference(original, copy, images)
        raise TrainingError(
            f"{original.name}: its copy {purpose} is another model ({found}{layer and ', first in layer ' + layer}); "
            f"give the layer get_config, save_own_variables and load_own_variables that keep all of its state"
        )


def answer(model: keras.Model, images: NDArray[np.float32]) -> NDArray[Any]:
    """The outputs of `model` for `images`, as in inference, one batch."""
    return np.asarray(keras.ops.convert_to_numpy(model(images, training=False)))


def _pairs(source: keras.Model, target: keras.Model) -> list[tuple[keras.layers.Layer, keras.layers.Layer]]:
    originals, others = (
        [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
        for model in (source, target)
    )
    named = {layer.name: layer for layer in others}
    if all(layer.name in named for layer in originals):
        return [(layer, named[layer.name]) for layer in originals]
    if len(originals) != len(others):
        raise TrainingError(
            f"{source.name}: {len(originals)} layers, and {len(others)} in its copy; build the same model each time"
        )
    return list(zip(originals, others, strict=True))


def _parts(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """`layer` and all layers inside it, in the order in which it holds them; none of an operation such as a slice."""
    return list(layer._flatten_layers()) if isinstance(layer, keras.layers.Layer) else []


def _transfer_own(part: keras.layers.Layer, other: keras.layers.Layer) -> None:
    """The state of `part` alone, without that of the layers inside it."""
    store: dict[str, Any] = {}
    part.save_own_variables(store)
    if store:
        other.load_own_variables({name: keras.ops.convert_to_numpy(value) for name, value in store.items()})
    if hasattr(part, "save_assets") and hasattr(other, "load_assets"):
        with tempfile.TemporaryDirectory() as folder:
            part.save_assets(folder)
            if any(Path(folder).iterdir()):
                other.load_assets(folder)
    for ours, theirs in zip(_generators(part), _generators(other), strict=False):
        theirs.state.assign(keras.ops.convert_to_numpy(ours.state))


def _generators(layer: keras.layers.Layer) -> list[Any]:
    """The random number generators of a layer such as Dropout: saved with a model, but no weights."""
    return list(getattr(layer, "_seed_generators", []))


def _first_difference(original: keras.Model, copy: keras.Model, images: Any) -> str:
    """The first layer whose outputs differ, one inside a nested model after a slash; "" where none is to be seen."""
    try:
        pairs = _pairs(original, copy)
        found = _outputs(original, [layer for layer, _ in pairs], images)
        others = _outputs(copy, [layer for _, layer in pairs], images)
        for (layer, other), ours, theirs in zip(pairs, found, others, strict=True):
            if difference(ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1), tolerance(original)):
                return _named(layer, other, original, images)
    except Exception:  # a graph that cannot be called in part: the difference itself is told all the same
        return ""
    return ""


def _named(layer: Any, other: Any, original: keras.Model, images: Any) -> str:
    if not is_rebuildable(layer):
        return f"{layer.name} ({type(layer).__name__})"
    before = keras.Model(_input(original), layer._inbound_nodes[-1].input_tensors[0])
    inside = _first_difference(layer, other, before(images, training=False))
    return f"{layer.name}/{inside}" if inside else f"{layer.name} ({type(layer).__name__})"


def _outputs(model: keras.Model, layers: Iterable[keras.layers.Layer], images: Any) -> list[NDArray[Any]]:
    """What each of `layers` gives where `model` calls it last."""
    # layer.output of a nested model is inside it.
    outputs = [layer._inbound_nodes[-1].output_tensors[0] for layer in layers]
    probe = keras.Model(_input(model), outputs)
    return [np.asarray(keras.ops.convert_to_numpy(output)) for output in probe(images, training=False)]


def _input(model: keras.Model) -> Any:
    return model.inputs[0] if len(model.inputs) == 1 else model.inputs
