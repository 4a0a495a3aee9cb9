"""Which Keras layers an operator of a converted model computes, read from the names that TensorFlow gives tensors.

A tensor is named after the graph nodes that were fused into it, such as "mlp_1/dense_1/MatMul;mlp_1/dense_1/Relu", and
a node after its layer. The model is traced more than once, so TensorFlow puts a number behind each name that it has
seen: "dense_1" there is Keras's "dense", and "dense_1_2" is "dense_1". Names are for people: where no layer is
recognised, the tensor's own name stands in.
"""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fmnist_export.explain import variants
from fmnist_runtime.flatbuffer.graph import Graph

if TYPE_CHECKING:
    import keras

_NUMBER = re.compile(r"_\d+$")


def layer_names(model: "keras.Model", converted: Graph) -> list[str]:
    """For each layer of `converted`, the float32 conversion of `model`: the Keras layers in it, joined by " + "."""
    known = list(dict.fromkeys(layer.name for layer in _flat(model)))
    tensors = [converted.tensors[operator.outputs[0]].name for operator in variants.layers(converted)]
    found = names(tensors, known)
    if found and "/" not in tensors[-1]:
        # The output is named after the whole function and not after a layer.
        found[-1] = known[-1]
    return found


def names(tensors: list[str], known: list[str]) -> list[str]:
    """The names in `known`, in that order, that each of the names `tensors` is made of."""
    paths = [[node.split("/")[:-1] for node in tensor.split(";")] for tensor in tensors]
    found = [[_first(path, known, lambda part: _NUMBER.sub("", part)) for path in nodes] for nodes in paths]
    pairs = {pair for nodes in found for pair in nodes if pair is not None}
    if len({name for _, name in pairs}) < len(pairs):
        # Two layers with one name: there were no numbers to take away.
        found = [[_first(path, known, lambda part: part) for path in nodes] for nodes in paths]
    joined = [sorted({pair[1] for pair in nodes if pair is not None}, key=known.index) for nodes in found]
    return [" + ".join(layers) or tensor for layers, tensor in zip(joined, tensors, strict=True)]


def _first(path: list[str], known: list[str], plain: Callable[[str], str]) -> tuple[str, str] | None:
    """The first part of `path` that is a layer, with its name; behind it come the names of TensorFlow's operators."""
    return next(((part, plain(part)) for part in path if plain(part) in known), None)


def _flat(model: "keras.Model") -> Iterator["keras.layers.Layer"]:
    """The layers of `model`, those of models inside it in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _flat(layer)
        else:
            yield layer
