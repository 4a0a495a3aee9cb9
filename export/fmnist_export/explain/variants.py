"""Versions of one int8 model in which chosen layers are computed in float32, by TensorFlow's own quantizer.

The quantizer is told which operators to leave alone, as convert.py does for the last layer, and the model is
calibrated once for all of them: a version takes some 10 ms. Weights that convert.py's recipe has rounded beforehand
are put back as they were in every layer that a version computes in float32, so that such a layer carries no error.
"""

import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.convert import rounding
from fmnist_export.convert.converter import CONVERTERS, quiet_output
from fmnist_export.convert.fixed_batch import with_fixed_batch
from fmnist_export.source.keras_model import import_tensorflow
from fmnist_keras.copies import is_rebuildable
from fmnist_runtime.errors import ExportError
from fmnist_runtime.flatbuffer import graph
from fmnist_runtime.flatbuffer.graph import Graph, Operator

if TYPE_CHECKING:
    import keras

PRECISIONS = ("int8", "int8-strict")
# Operators with weights, which their second input is.
WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
# Operators that move values and round none.
_MOVING = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "PAD", "SLICE", "STRIDED_SLICE", "GATHER"}
# Operators between the integer and the float part of a model; they belong to no layer.
_BORDERS = {"QUANTIZE", "DEQUANTIZE"}


@dataclass(frozen=True)
class Calibrated:
    """A float32 flatbuffer that knows its ranges, and the reference: what it was before its weights were rounded."""

    content: bytes
    reference: bytes

    def variant(self, in_float: Collection[int]) -> bytes:
        """The int8 flatbuffer, float32 in and out, whose layers number `in_float` are computed in float32.

        A layer that is none of `separable` is computed as its neighbours are, wherever it stands.
        """
        content, obeyed = self._quantize(in_float)
        if not obeyed >= self.separable:
            (number, *_) = sorted(self.separable - obeyed)
            raise ExportError(f"TensorFlow's quantizer does not quantize layer {number} as told; use TensorFlow 2.21")
        return self._with_reference_weights(content, in_float)

    @functools.cached_property
    def separable(self) -> frozenset[int]:
        """The layers that round and can be in float32 alone.

        The quantizer gives input and output of pooling and the like one scale, and then computes them as their
        neighbours whatever it is told; which operators these are, it does not say, so each is tried.
        """
        operators = layers(graph.read(self.content))
        candidates = (number for number, operator in enumerate(operators) if operator.name not in _MOVING)
        return frozenset(number for number in candidates if number in self._quantize({number})[1])

    def _quantize(self, in_float: Collection[int]) -> tuple[bytes, set[int]]:
        """A version, and the numbers of the layers that are in it as told."""
        from tensorflow.lite.python.convert import mlir_quantize

        with quiet_output():
            content = bytes(mlir_quantize(self.content, denylisted_nodes=[self._name(number) for number in in_float]))
        model = graph.read(content)
        found = [is_float(operator, model) for operator in layers(model)]
        return content, {number for number, floating in enumerate(found) if floating == (number in in_float)}

    def _name(self, number: int) -> str:
        model = graph.read(self.content)
        return model.tensors[layers(model)[number].outputs[0]].name

    def _with_reference_weights(self, content: bytes, in_float: Collection[int]) -> bytes:
        ours, theirs = graph.read(self.reference), graph.read(content)
        patched = bytearray(content)
        for number in in_float:
            operator = layers(ours)[number]
            if operator.name in WEIGHTED and is_float(layers(theirs)[number], theirs):
                source = ours.tensors[operator.inputs[1]].data
                target = theirs.tensors[layers(theirs)[number].inputs[1]].data
                patched[target.start : target.end] = self.reference[source.start : source.end]
        return bytes(patched)


def calibrated(model: "keras.Model", precision: str, calibration: NDArray[np.float32]) -> Calibrated:
    """`model` calibrated for `precision`, one of PRECISIONS, as convert.py does it; same arguments as `convert`."""
    tensorflow = import_tensorflow()
    prepared = unrounded = model
    if precision == "int8" and is_rebuildable(model):
        prepared, scaled = rounding.prepared_with_factors(model, calibration)
        unrounded = rounding.equalized(model, scaled, calibration)
    with quiet_output():
        # Not compacted: the names of its tensors tell the layers.
        reference = CONVERTERS["float32"](unrounded, calibration)
        converter = tensorflow.lite.TFLiteConverter.from_keras_model(with_fixed_batch(prepared, calibration))
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[np.newaxis]] for image in calibration)
        debugger = tensorflow.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=lambda: ([image[np.newaxis]] for image in calibration[:1])
        )
    content = bytes(debugger.calibrated_model)
    same_layers(reference, content)
    return Calibrated(content, reference)


def layers(model: Graph) -> list[Operator]:
    """The operators of `model` that compute a layer, in order: the same ones in each precision of a Keras model."""
    return [operator for operator in model.operators if operator.name not in _BORDERS]


def is_float(operator: Operator, model: Graph) -> bool:
    """Whether `operator` of `model` computes in float32."""
    return model.tensors[operator.outputs[0]].dtype == "float32"


def same_layers(first: bytes, second: bytes) -> None:
    """Raise ExportError where the operators of two flatbuffers are not those of one Keras model, one for one."""
    names = [[operator.name for operator in layers(graph.read(content))] for content in (first, second)]
    if names[0] != names[1]:
        raise ExportError(f"the layers of two precisions differ, {names[0]} and {names[1]}: they cannot be compared")


def weights(content: bytes, model: Graph, operator: Operator) -> NDArray[np.float32] | None:
    """The weights of `operator`, dequantized where they are int8, in their own shape; None where it has none."""
    if operator.name not in WEIGHTED:
        return None
    tensor = model.tensors[operator.inputs[1]]
    values: NDArray[Any] = np.frombuffer(content[tensor.data.start : tensor.data.end], tensor.dtype)
    values = values.reshape(tensor.shape).astype(np.float32)
    if not tensor.scales:
        return values
    # One scale, or one an output channel: the last axis of depthwise weights, else the first (schema.fbs).
    scales = np.asarray(tensor.scales, np.float32)
    if operator.name != "DEPTHWISE_CONV_2D":
        scales = scales.reshape(-1, *[1] * (values.ndim - 1))
    return values * scales
