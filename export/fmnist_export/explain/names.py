"""Which Keras layers an operator of a converted model computes, read from the tensor names that TensorFlow writes.

A tensor is named after the graph nodes that were fused into it, such as "mlp_1/dense_1/MatMul;mlp_1/dense_1/Relu", and
a node after its layer. The model is traced more than once, so TensorFlow appends a number to each name that it has seen
before: its "dense_1" is Keras's "dense", and its "dense_1_2" is "dense_1". The names are for people: where no layer is
recognised, the name of the tensor is used.
"""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fmnist_export.explain.operators import layers
from fmnist_runtime.flatbuffer.graph import Graph

if TYPE_CHECKING:
    import keras

_NUMBER = re.compile(r"_\d+$")


def layer_names(model: "keras.Model", converted: Graph) -> list[str]:
    """The Keras layers in each layer of `converted`, the float32 conversion of `model`, joined by " + "."""
    known = list(dict.fromkeys(layer.name for layer in _innermost_layers(model)))
    tensors = [converted.tensors[operator.outputs[0]].name for operator in layers(converted)]
    found = match_names(tensors, known)
    if found and "/" not in tensors[-1]:
        # The output is named after the whole function and not after a layer.
        found[-1] = known[-1]
    return found


def match_names(tensors: list[str], known: list[str]) -> list[str]:
    """The layer names in `known` that each name of `tensors` consists of, in the order of `known`."""
    paths = [[node.split("/")[:-1] for node in tensor.split(";")] for tensor in tensors]
    found = [[_first(path, known, lambda part: _NUMBER.sub("", part)) for path in nodes] for nodes in paths]
    pairs = {pair for nodes in found for pair in nodes if pair is not None}
    if len({name for _, name in pairs}) < len(pairs):
        # Two layers got one name: these names had no number appended.
        found = [[_first(path, known, lambda part: part) for path in nodes] for nodes in paths]
    joined = [sorted({pair[1] for pair in nodes if pair is not None}, key=known.index) for nodes in found]
    return [" + ".join(parts) or tensor for parts, tensor in zip(joined, tensors, strict=True)]


def _first(path: list[str], known: list[str], plain: Callable[[str], str]) -> tuple[str, str] | None:
    """The first part of `path` that names a layer, and that name; TensorFlow's operator names follow it."""
    return next(((part, plain(part)) for part in path if plain(part) in known), None)


def _innermost_layers(model: "keras.Model") -> Iterator["keras.layers.Layer"]:
    """The layers of `model`, with the layers of a nested model in its place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _innermost_layers(layer)
        else:
            yield layer
