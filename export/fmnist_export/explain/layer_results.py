"""The result of each layer: its error, its ranges and its cost, from the graphs and the measurement."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.convert.flatbuffer import Flatbuffer
from fmnist_export.explain.names import layer_names
from fmnist_export.explain.operators import WEIGHTED, dequantized_weights, layers
from fmnist_export.explain.result import Layer
from fmnist_export.explain.tensors import sqnr
from fmnist_runtime.flatbuffer.graph import Tensor

if TYPE_CHECKING:
    import keras


def layer_results(
    model: "keras.Model",
    reference: Flatbuffer,
    file: Flatbuffer,
    comparisons: Sequence[dict[str, Any]],
    costs: Mapping[int, tuple[float, float]],
) -> Iterator[Layer]:
    """The layers of the int8 `file` in order of execution.

    `comparisons` has the fields of a TensorComparison for each layer; `costs` has cost and share by the layer's number,
    for the layers with a step of their own.
    """
    names = layer_names(model, reference.graph)
    for number, (before, after) in enumerate(zip(layers(reference.graph), layers(file.graph), strict=True)):
        tensor = file.graph.tensors[after.outputs[0]]
        compared = comparisons[number]
        scale, zero_point = (tensor.scales[0], tensor.zero_points[0]) if tensor.scales else (None, None)
        cost, share = costs.get(number, (None, None))
        kernel = file.graph.tensors[after.inputs[1]] if after.name in WEIGHTED else None
        scales = kernel.scales if kernel else ()
        yield Layer(
            name=names[number],
            operator=after.name,
            dtype=tensor.dtype,
            sqnr_db=compared["sqnr_db"],
            weights_sqnr_db=_weights_sqnr(dequantized_weights(reference, before), dequantized_weights(file, after)),
            weight_scales=(min(scales), max(scales)) if scales else None,
            lowest=compared["lowest"],
            highest=compared["highest"],
            representable=_representable(tensor),
            scale=scale,
            zero_point=zero_point,
            at_least=compared["at_least"],
            at_greatest=compared["at_greatest"],
            clipped=compared["clipped"],
            cost=cost,
            share=share,
        )


def _weights_sqnr(before: NDArray[np.float32] | None, after: NDArray[np.float32] | None) -> float | None:
    if before is None or after is None:
        return None
    signal = float(np.sum(np.square(before, dtype=np.float64)))
    return sqnr(signal, float(np.sum((after - before).astype(np.float64) ** 2)))


def _representable(tensor: Tensor) -> tuple[float, float] | None:
    """The smallest and the largest number that a quantized `tensor` can hold; None for a float tensor."""
    if not tensor.scales:
        return None
    limits, (scale, *_), (zero_point, *_) = np.iinfo(tensor.dtype), tensor.scales, tensor.zero_points
    return (int(limits.min) - zero_point) * scale, (int(limits.max) - zero_point) * scale
