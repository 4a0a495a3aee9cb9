"""What a Keras model does to its pixels before anything else: `real = scale * x + offset`, if it says so.

A Rescaling or Normalization layer, a division, a multiplication, an addition or a subtraction at the head of the graph
tells which numbers the model wants, exactly. What stands further in tells nothing of the pixels.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import keras

# Layers and operations that leave the values of pixels as they are when a model answers.
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


class Head(NamedTuple):
    """`scale * x + offset` is what the first layer with weights of its own sees of an input x; `layers` do it.

    `is_standardized` says that a Normalization layer was adapted to the images: they become 0 on average, with a
    standard deviation of 1.
    """

    scale: float
    offset: float
    layers: tuple[str, ...]
    is_standardized: bool


def read(model: "keras.Model") -> Head | None:
    """The head of `model`, None where it begins with anything else, or branches."""
    head = Head(1.0, 0.0, (), False)
    for operation, node in _chain(model):
        step = _affine(operation, node)
        if step is None:
            if type(operation).__name__ not in _TRANSPARENT:
                break
            continue
        scale, offset = step
        head = Head(
            scale * head.scale,
            scale * head.offset + offset,
            (*head.layers, f"{type(operation).__name__} {operation.name!r}"),
            type(operation).__name__ == "Normalization" or head.is_standardized,
        )
    return head if head.layers else None


def _chain(model: "keras.Model") -> list[tuple[Any, Any]]:
    """The operations behind the input of `model`, one after another, with the node of the graph that calls each.

    Ends where more than one operation reads a tensor. Models inside `model` are gone through.
    """
    graph = getattr(model, "_functional", model)
    tensor = graph.inputs[0]
    found: list[tuple[Any, Any]] = []
    while True:
        # Of the graph's own nodes: a layer that was called elsewhere too has others.
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
    """Scale and offset of an operation that is affine in its input, by the mean of per-channel ones; else None."""
    kind = type(operation).__name__
    if kind == "Rescaling":
        return _mean(operation.scale), _mean(operation.offset)
    if kind == "Normalization":
        if operation.invert:
            return None
        std = np.sqrt(np.asarray(operation.variance, np.float64))
        mean = np.asarray(operation.mean, np.float64)
        # Pixels that are always the same have a variance of 0, and Keras divides by something tiny there.
        return (1 / _mean(std), -_mean(mean) / _mean(std)) if _mean(std) > 0 else None
    return _arithmetic(kind, node.arguments.args)


def _arithmetic(kind: str, arguments: tuple[Any, ...]) -> tuple[float, float] | None:
    """Scale and offset of keras.ops' arithmetic between a tensor and a constant; None for anything else."""
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
    """The number that `argument` of an operation is, by its mean; None for a tensor of the graph."""
    if hasattr(argument, "_keras_history") or type(argument).__name__ == "KerasTensor":
        return None
    try:
        return _mean(argument)
    except (TypeError, ValueError):
        return None


def _mean(value: Any) -> float:
    return float(np.mean(np.asarray(value, np.float64)))
