"""Variants of the tutorial's int8 model with layers in float32."""

from typing import Any

import numpy as np

from fmnist_export.convert import converter
from fmnist_export.convert.flatbuffer import Flatbuffer
from fmnist_export.explain.operators import dequantized_weights, is_float, layers
from fmnist_export.explain.variants import calibrate


def test_variants_of_a_model_are_rounded_as_the_file_or_not_at_all(mlp: Any, calibration: np.ndarray) -> None:
    prepared = converter.prepare(mlp, "int8", calibration)
    content = converter.convert_prepared(prepared, "int8", calibration)
    variants = calibrate(mlp, prepared, calibration)
    file = content.graph
    in_float = [number for number, operator in enumerate(layers(file)) if is_float(operator, file)]
    assert in_float == [2, 3]
    as_the_file, unrounded = (Flatbuffer.parse(variants.variant(numbers)) for numbers in (in_float, range(4)))
    reference = _weights(variants.reference)
    for expected, found in zip(_weights(content), _weights(as_the_file), strict=True):
        assert np.array_equal(expected[0], found[0])
        assert expected[1] == found[1]
    for expected, found in zip(reference, _weights(unrounded), strict=True):
        assert np.array_equal(expected[0], found[0])
    assert not np.array_equal(_weights(variants.file)[0][0], reference[0][0])


def _weights(file: Flatbuffer) -> list[tuple[np.ndarray, tuple[float, ...]]]:
    """The weights of each layer that has any, and the scales of what it computes."""
    model = file.graph
    found = [(dequantized_weights(file, operator), operator) for operator in layers(model)]
    return [(kernel, model.tensors[operator.outputs[0]].scales) for kernel, operator in found if kernel is not None]
