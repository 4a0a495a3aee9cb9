"""The pixel range of a model file: described by the file, stated by the caller, inferred from the model, or assumed.

A description comes first, and a caller may not contradict it. For a plain .tflite the caller's range comes first, then
what the model's own numbers tell, in the order of docs/model-file.md, then the assumption 0..1.

It does not parse `--pixels` (fmnist_runtime.images.pixel_range).
"""

import math
from pathlib import Path

import numpy as np

from fmnist_runtime.errors import DamagedModelError, DescriptionError, InterfaceError, PixelRangeError
from fmnist_runtime.flatbuffer.graph import Tensor
from fmnist_runtime.images import pixel_range
from fmnist_runtime.images.pixel_range import PixelRange
from fmnist_runtime.model.model_file import ModelFile

_DESCRIBED = "its description"
_GIVEN = "given"


def range_of(file: ModelFile, stated: PixelRange | None) -> PixelRange:
    """The pixel range of `file`; `stated` is the caller's. Raises PixelRangeError where that contradicts the file."""
    if file.description is None:
        inferred = _infer(file)
        if stated and inferred and not inferred.assumed and not _same(stated, inferred, 0.02):
            return stated._replace(
                reason=f"{stated.reason}, though {inferred.reason} tells {inferred.low:g}..{inferred.high:g}"
            )
        return stated or inferred or PixelRange(0.0, 1.0, "assumed", assumed=True)
    described = _described_range(file)
    if stated and not _same(stated, described, 1e-4):
        raise PixelRangeError(
            f"{file.path}: its description states pixels {described.low:g}..{described.high:g}, not "
            f"{stated.low:g}..{stated.high:g}; leave --pixels, --mean and --std out"
        )
    return described


def parse_range(value: PixelRange | tuple[float, float]) -> PixelRange:
    """The pixel range that a caller gives as a PixelRange or as (low, high). Raises PixelRangeError."""
    reason, ends = (value.reason, value[:2]) if isinstance(value, PixelRange) else (_GIVEN, value)
    try:
        if isinstance(ends, str):
            raise TypeError("it is text")
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError, OverflowError) as error:
        raise PixelRangeError(
            f"pixels is not a pair of numbers ({error}), expected (low, high) such as (0, 1)"
        ) from error
    return pixel_range.create(low, high, reason)


def quantization(tensor: Tensor, path: Path) -> tuple[float, int]:
    """The scale and the zero point of a quantized `tensor`, (0, 0) for floats.

    Raises InterfaceError where it has none, DamagedModelError where the zero point is impossible.
    """
    if tensor.dtype == "float32":
        return 0.0, 0
    if not (tensor.scales and tensor.zero_points and tensor.scales[0] > 0):
        raise InterfaceError(f"{path}: {tensor.name!r} is {tensor.dtype} and has no scale; export it again")
    limits, zero_point = np.iinfo(tensor.dtype), tensor.zero_points[0]
    if not limits.min <= zero_point <= limits.max:
        raise DamagedModelError(
            f"{path}: {tensor.name!r} is {tensor.dtype} with the zero point {zero_point}, expected {limits.min} to "
            f"{limits.max}; copy or export it again"
        )
    return tensor.scales[0], zero_point


def _same(first: PixelRange, second: PixelRange, tolerance: float) -> bool:
    near = tolerance * abs(second.high - second.low)
    return abs(first.low - second.low) <= near and abs(first.high - second.high) <= near


def _described_range(file: ModelFile) -> PixelRange:
    try:
        low, high = (float(end) for end in (file.description or {})["input"]["range"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DescriptionError(
            f"{file.path}: its description states no range of the input, expected two numbers; export it again"
        ) from error
    if not (math.isfinite(low) and math.isfinite(high) and low != high):
        raise DescriptionError(
            f"{file.path}: its description states the range {low} to {high}, expected two different numbers; "
            f"export it again"
        )
    return PixelRange(low, high, _DESCRIBED)


def _infer(file: ModelFile) -> PixelRange | None:
    """The range that the numbers of a plain file tell; None where they do not."""
    source = file.graph.tensors[file.graph.inputs[0]]
    if source.dtype == "uint8" and not source.scales:
        return PixelRange(0.0, 255.0, "the input is uint8 without a scale")
    scale, zero_point = quantization(source, file.path)
    inferred = pixel_range.from_quantization(source.dtype, scale, zero_point)
    if inferred is None:
        from fmnist_runtime.flatbuffer import first_layers

        inferred = first_layers.infer_range(file.graph, file.flatbuffer)
    try:
        return inferred and pixel_range.create(inferred.low, inferred.high, inferred.reason)._replace(
            assumed=inferred.assumed
        )
    except PixelRangeError as error:
        raise InterfaceError(f"{file.path}: by its scales {error}; copy or export it again") from error
