"""How the first layers of a Keras model scale its input: `scale * x + offset`, where its graph states it.

A Rescaling or Normalization layer, a division, a multiplication, an addition or a subtraction at the beginning of the
graph tells exactly which numbers the model expects. Later layers tell nothing about the pixels.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import keras

# Layers and operations that do not change the values of pixels at inference.
_TRANSPARENT = {
    "Cast",
    "Dropout",
    "ExpandDims",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "Permute",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "Reshape",
    "SpatialDropout2D",
    "Squeeze",
    "Transpose",
    "ZeroPadding2D",
}


class InputScaling(NamedTuple):
    """The first layer with trained weights sees `scale * x + offset` of an input x; `layers` compute it.

    `is_standardized` is true for a Normalization layer, which is adapted to the images: their mean becomes 0 and their
    standard deviation 1.
    """

    scale: float
    offset: float
    layers: tuple[str, ...]
    is_standardized: bool


def read_scaling(model: "keras.Model") -> InputScaling | None:
    """The scaling at the beginning of `model`; None where it begins with another layer, or with a branch."""
    scaling = InputScaling(1.0, 0.0, (), False)
    for operation, node in _chain(model):
        step = _affine(operation, node)
        if step is None:
            if type(operation).__name__ not in _TRANSPARENT:
                break
            continue
        scale, offset = step
        scaling = InputScaling(
            scale=scale * scaling.scale,
            offset=scale * scaling.offset + offset,
            layers=(*scaling.layers, f"{type(operation).__name__} {operation.name!r}"),
            is_standardized=type(operation).__name__ == "Normalization" or scaling.is_standardized,
        )
    return scaling if scaling.layers else None


def _chain(model: "keras.Model") -> list[tuple[Any, Any]]:
    """The operations after the input of `model` in order, each with the node of the graph that calls it.

    The chain ends where more than one operation reads a tensor. Nested models are followed.
    """
    graph = getattr(model, "_functional", model)
    tensor = graph.inputs[0]
    found: list[tuple[Any, Any]] = []
    while True:
        # Only the graph's own nodes: a layer that is also called elsewhere has more of them.
        nodes = (node for level in getattr(graph, "_nodes_by_depth", {}).values() for node in level)
        readers = [node for node in nodes if any(each is tensor for each in node.input_tensors)]
        if len(readers) != 1:
            return found
        (node,) = readers
        operation = node.operation
        if len(node.output_tensors) != 1:
            return found
        inner = getattr(operation, "inputs", None)
        found += _chain(operation) if inner else [(operation, node)]
        tensor = node.output_tensors[0]


def _affine(operation: Any, node: Any) -> tuple[float, float] | None:
    """Scale and offset of an operation that is affine in its input, averaged over channels; None for any other."""
    kind = type(operation).__name__
    if kind == "Rescaling":
        return _mean(operation.scale), _mean(operation.offset)
    if kind == "Normalization":
        if operation.invert:
            return None
        std = np.sqrt(np.asarray(operation.variance, np.float64))
        mean = np.asarray(operation.mean, np.float64)
        # Pixels that never change have a variance of 0, and Keras divides by a tiny number there.
        return (1 / _mean(std), -_mean(mean) / _mean(std)) if _mean(std) > 0 else None
    return _arithmetic(kind, node.arguments.args)


def _arithmetic(kind: str, arguments: tuple[Any, ...]) -> tuple[float, float] | None:
    """Scale and offset of arithmetic (keras.ops) between a tensor and a constant; None for anything else."""
    if len(arguments) != 2:
        return None
    first, second = (_constant(argument) for argument in arguments)
    if (first is None) == (second is None):
        return None
    constant = first if first is not None else second
    assert constant is not None
    if kind in ("Add", "Multiply"):
        return (1.0, constant) if kind == "Add" else (constant, 0.0)
    if kind == "Subtract":
        return (1.0, -constant) if first is None else (-1.0, constant)
    if kind in ("Divide", "TrueDivide") and first is None and constant:
        return 1 / constant, 0.0
    return None


def _constant(argument: Any) -> float | None:
    """The mean of a constant `argument` of an operation; None for a tensor of the graph."""
    if hasattr(argument, "_keras_history") or type(argument).__name__ == "KerasTensor":
        return None
    try:
        return _mean(argument)
    except (TypeError, ValueError):
        return None


def _mean(value: Any) -> float:
    return float(np.mean(np.asarray(value, np.float64)))
