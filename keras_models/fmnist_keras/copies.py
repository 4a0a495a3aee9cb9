"""Copies of Keras models with all of their state, built again layer by layer.

Keras's clone_model with set_weights is not enough. Some layers compute with values that they derive from their weights
when these are loaded (an adapted Normalization derives its mean; set_weights leaves it the identity), some keep tables
that are not weights, some save other variables than they hold (a Dense with LoRA). So state is carried over as Keras's
own file format does it: save_own_variables, load_own_variables, save_assets and load_assets. fmnist_keras.comparison
checks that a copy gives the outputs of its original.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist_keras.messages import one_line
from fmnist_runtime.errors import ModelCopyError

if TYPE_CHECKING:
    import keras

Layer = Any  # keras.layers.Layer, or an operation of a functional model, such as a slice


def is_rebuildable(model: "keras.Model") -> bool:
    """Whether Keras can build `model` again layer by layer: a Sequential or functional model of Keras's layers.

    To Keras, a SavedModel is one opaque layer, and so is a model class of a person's own.
    """
    import keras

    known = isinstance(model, keras.Sequential) or type(model).__name__ == "Functional"
    return known and not any(isinstance(layer, keras.layers.TFSMLayer) for layer in all_layers(model))


def all_layers(model: "keras.Model") -> Iterator["keras.layers.Layer"]:
    """All layers of `model`, with those of the models and wrappers inside it."""
    yield from model._flatten_layers(include_self=False)


def rebuild(model: "keras.Model", change: Callable[[Layer], Layer] | None = None, **options: Any) -> "keras.Model":
    """Build `model` again, each layer by `change` or from its configuration, and carry over all of its state.

    `options` are those of keras.models.clone_model. Raises whatever a layer raises because of its configuration, and
    ModelCopyError as `transfer_state` does.
    """
    import keras

    pairs: list[tuple[Layer, Layer]] = []

    def rebuild_layer(layer: Layer) -> Layer:
        copy = change(layer) if change else type(layer).from_config(layer.get_config())
        pairs.append((layer, copy))
        return copy

    copy = keras.models.clone_model(model, clone_function=rebuild_layer, **options)
    _transfer(model.name, pairs)
    return copy


def transfer_state(source: "keras.Model", target: "keras.Model") -> None:
    """Copy all state of the layers of `source` to those of `target`: by name where the names match, else in order.

    Layers of `target` that `source` lacks stay as they are. Raises ModelCopyError where a layer's state cannot be
    carried over.
    """
    _transfer(source.name, layer_pairs(source, target))


def layer_pairs(source: "keras.Model", target: "keras.Model") -> list[tuple[Layer, Layer]]:
    """The layers of `source`, without its inputs, each with the layer of `target` that corresponds to it.

    By name where `target` has all names, else in order. Raises ModelCopyError where the numbers of layers differ.
    """
    import keras

    originals, others = (
        [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
        for model in (source, target)
    )
    by_name = {layer.name: layer for layer in others}
    if all(layer.name in by_name for layer in originals):
        return [(layer, by_name[layer.name]) for layer in originals]
    if len(originals) != len(others):
        raise ModelCopyError(
            f"{source.name}: has {len(originals)} layers, and its copy {len(others)}; build the same model each time"
        )
    return list(zip(originals, others, strict=True))


def _transfer(name: str, pairs: Iterable[tuple[Layer, Layer]]) -> None:
    for original, copy in pairs:
        parts, others = _parts(original), _parts(copy)
        if len(parts) != len(others):
            raise ModelCopyError(
                f"{name}: the copy of its layer {original.name} has {len(others)} layers, expected {len(parts)}; build "
                f"the same model each time"
            )
        for part, other in zip(parts, others, strict=True):
            try:
                _transfer_own(part, other)
            except Exception as error:  # each layer's own code
                raise ModelCopyError(
                    f"{name}: the state of its layer {part.name} ({type(part).__name__}) cannot be copied "
                    f"({type(error).__name__}: {one_line(error)}); mend its save_own_variables and load_own_variables"
                ) from error


def _parts(layer: Layer) -> list[Layer]:
    """`layer` and all layers inside it, in the order in which it holds them; none for an operation such as a slice."""
    import keras

    return list(layer._flatten_layers()) if isinstance(layer, keras.layers.Layer) else []


def _transfer_own(part: Layer, other: Layer) -> None:
    """Carry over the state of `part` alone, without that of the layers inside it."""
    import keras

    store: dict[str, Any] = {}
    part.save_own_variables(store)
    if store:
        other.load_own_variables({name: keras.ops.convert_to_numpy(value) for name, value in store.items()})
    if hasattr(part, "save_assets") and hasattr(other, "load_assets"):
        with tempfile.TemporaryDirectory() as folder:
            part.save_assets(folder)
            if any(Path(folder).iterdir()):
                other.load_assets(folder)
    for generator, other_generator in zip(_generators(part), _generators(other), strict=False):
        other_generator.state.assign(keras.ops.convert_to_numpy(generator.state))


def _generators(layer: Layer) -> list[Any]:
    """The random number generators of a layer such as Dropout: saved with a model, but not weights."""
    return list(getattr(layer, "_seed_generators", []))
