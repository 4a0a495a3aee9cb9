"""Which Keras layers an operator of a converted model computes, read from the names that TensorFlow gives tensors.

A tensor is named after the graph nodes that were fused into it, such as "mlp_1/dense_1/MatMul;mlp_1/dense_1/Relu", and
a node after its layer. The model is traced more than once, so TensorFlow puts a number behind each name that it has
seen: "dense_1" there is Keras's "dense", and "dense_1_2" is "dense_1". Names are for people: where no layer is
recognised, the tensor's own name stands in.
"""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fmnist_export.explain_variants import layers
from fmnist_runtime.graph import Graph

if TYPE_CHECKING:
    import keras

_NUMBER = re.compile(r"_\d+$")


def layer_names(model: "keras.Model", converted: Graph) -> list[str]:
    """For each layer of `converted`, the float32 conversion of `model`: the Keras layers in it, joined by " + "."""
    known = list(dict.fromkeys(layer.name for layer in _flat(model)))
    tensors = [converted.tensors[operator.outputs[0]].name for operator in layers(converted)]
    found = names(tensors, known)
    if found and "/" not in tensors[-1]:
        # The output is named after the whole function and not after a layer.
        found[-1] = known[-1]
    return found


def names(tensors: list[str], known: list[str]) -> list[str]:
    """The names in `known`, in that order, that each of the names `tensors` is made of."""
    paths = [[node.split("/")[:-1] for node in tensor.split(";")] for tensor in tensors]
    plain = _translation(paths, known, lambda part: _NUMBER.sub("", part))
    # Two layers with one name: there were no numbers to take away.
    translation = plain if len(set(plain.values())) == len(plain) else _translation(paths, known, lambda part: part)
    found = []
    for tensor, nodes in zip(tensors, paths, strict=True):
        parts = {translation[part] for path in nodes for part in path if part in translation}
        found.append(" + ".join(sorted(parts, key=known.index)) or tensor)
    return found


def _translation(paths: list[list[list[str]]], known: list[str], plain: Callable[[str], str]) -> dict[str, str]:
    """The parts of `paths` that are layers, with their names."""
    parts = {part for nodes in paths for path in nodes for part in path}
    return {part: plain(part) for part in sorted(parts) if plain(part) in known}


def _flat(model: "keras.Model") -> Iterator["keras.layers.Layer"]:
    """The layers of `model`, those of models inside it in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _flat(layer)
        else:
            yield layer
