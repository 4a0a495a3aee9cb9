"""Variants of one int8 model in which some layers compute in float32, made by TensorFlow's own quantizer.

The quantizer is told which operators to leave alone, as convert/last_layer.py does for the last layer. The model is
calibrated once for all variants: a variant takes about 10 ms. Where the weights were rounded before the conversion
(convert/rounding.py), a layer in float32 gets its original weights back, so that it carries no error.
"""

import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist_export.convert.converter import CONVERTERS
from fmnist_export.convert.flatbuffer import Flatbuffer
from fmnist_export.convert.quiet_output import quiet_output
from fmnist_export.convert.tensorflow_converter import calibrating_converter, one_by_one
from fmnist_export.explain.operators import MOVING, WEIGHTED, check_same_layers, is_float, layers
from fmnist_export.prepare.equalization import equalized_copy
from fmnist_export.prepare.rounding import PreparedModel
from fmnist_runtime.errors import ExportError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class CalibratedModel:
    """A float32 flatbuffer with measured ranges, and the reference: the same model before its weights were rounded."""

    file: Flatbuffer
    reference: Flatbuffer

    def variant(self, in_float: Collection[int]) -> bytes:
        """The int8 flatbuffer, float32 in and out, in which the layers number `in_float` compute in float32.

        A layer that is not in `separable` computes as its neighbours do. Raises ExportError where the quantizer does
        not do as told.
        """
        file, obeyed = self._quantize(in_float)
        if not obeyed >= self.separable:
            (number, *_) = sorted(self.separable - obeyed)
            raise ExportError(f"TensorFlow's quantizer does not quantize layer {number} as told; use TensorFlow 2.21")
        return self._with_reference_weights(file, in_float)

    @functools.cached_property
    def separable(self) -> frozenset[int]:
        """The layers that round and can be in float32 alone.

        The quantizer gives input and output of pooling and similar operators one scale, and then computes them as their
        neighbours, whatever it is told. It does not say which operators these are, so each is tried.
        """
        operators = layers(self.file.graph)
        candidates = (number for number, operator in enumerate(operators) if operator.name not in MOVING)
        return frozenset(number for number in candidates if number in self._quantize({number})[1])

    def _quantize(self, in_float: Collection[int]) -> tuple[Flatbuffer, set[int]]:
        """A variant, and the numbers of the layers that the quantizer treated as told."""
        from tensorflow.lite.python.convert import mlir_quantize

        model = self.file.graph
        names = [model.tensors[layers(model)[number].outputs[0]].name for number in in_float]
        with quiet_output():
            content = bytes(mlir_quantize(self.file.content, denylisted_nodes=names))
        file = Flatbuffer.parse(content)
        floats = [is_float(operator, file.graph) for operator in layers(file.graph)]
        return file, {number for number, floating in enumerate(floats) if floating == (number in in_float)}

    def _with_reference_weights(self, file: Flatbuffer, in_float: Collection[int]) -> bytes:
        ours, theirs = self.reference.graph, file.graph
        patched = bytearray(file.content)
        for number in in_float:
            operator, quantized = layers(ours)[number], layers(theirs)[number]
            if operator.name in WEIGHTED and is_float(quantized, theirs):
                source = ours.tensors[operator.inputs[1]].data
                target = theirs.tensors[quantized.inputs[1]].data
                patched[target.start : target.end] = self.reference.content[source.start : source.end]
        return bytes(patched)


def calibrate(model: "keras.Model", prepared: PreparedModel, calibration: NDArray[np.float32]) -> CalibratedModel:
    """Calibrate `prepared`, which converter.prepare made of `model`, on the same `calibration` images."""
    import tensorflow

    is_rounded = prepared.model is not model
    unrounded = equalized_copy(model, prepared.factors, calibration) if is_rounded else model
    with quiet_output():
        # Not compacted: the names of its tensors identify the layers.
        reference = CONVERTERS["float32"](unrounded, calibration)
        debugger = tensorflow.lite.experimental.QuantizationDebugger(
            converter=calibrating_converter(prepared.model, calibration),
            debug_dataset=lambda: one_by_one(calibration[:1]),
        )
    calibrated = CalibratedModel(Flatbuffer.parse(bytes(debugger.calibrated_model)), Flatbuffer.parse(reference))
    check_same_layers(calibrated.reference.graph, calibrated.file.graph)
    return calibrated
