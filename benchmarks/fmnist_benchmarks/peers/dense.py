"""The Dense layers of a .tflite file as float32 arrays, for other libraries to compute the same network."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.flatbuffer.graph import Tensor
from fmnist_runtime.model import model_file


@dataclass(frozen=True)
class Layer:
    """A Dense layer: `weights` (outputs, inputs) and `bias` (outputs,), float32."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


def read_layers(path: Path) -> list[Layer]:
    """The Dense layers of the model at `path`, dequantized. Raises ModelFileError where it has other layers."""
    file = model_file.read(path)
    graph = file.graph
    others = set(graph.versions) - {"FULLY_CONNECTED", "RESHAPE", "SOFTMAX", "QUANTIZE", "DEQUANTIZE"}
    if others:
        raise ModelFileError(
            f"{path}: has {', '.join(sorted(others))}, expected only Dense layers, like the tutorial's model"
        )
    found = []
    for operator in graph.operators:
        if operator.name == "FULLY_CONNECTED":
            weights, bias = (_real(graph.tensors[number], file.flatbuffer) for number in operator.inputs[1:3])
            found.append(Layer(weights, bias))
    return found


def _real(tensor: Tensor, flatbuffer: bytes) -> NDArray[np.float32]:
    stored = np.frombuffer(flatbuffer, tensor.dtype, int(np.prod(tensor.shape)), tensor.data.start)
    values = stored.reshape(tensor.shape).astype(np.float32)
    if not tensor.scales:
        return values
    # One scale for the tensor, or one for each output, the first dimension of weights and biases.
    return values * np.array(tensor.scales, np.float32).reshape(-1, *[1] * (values.ndim - 1))
