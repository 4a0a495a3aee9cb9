"""What a classifier needs to know of a model file: its classes, the range of its pixels, what its outputs mean.

A file of fmnist-export states all of it. A plain .tflite states none: what it holds is used, what it can't tell must be
given or is marked as assumed (docs/model-file.md, "A plain .tflite"). Nothing is invented.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import DataError, ModelFileError, PixelRangeError
from fmnist_runtime.flatbuffer import output_kind
from fmnist_runtime.flatbuffer.graph import Tensor
from fmnist_runtime.flatbuffer.output_kind import OUTPUT_KINDS, OutputKind
from fmnist_runtime.images.pixel_range import PixelRange, checked, quantized
from fmnist_runtime.inference import inputs, scores
from fmnist_runtime.model.model_file import ModelFile

_SHAPES = ((1, 28, 28), (1, 28, 28, 1))
_DTYPES = ("float32", "int8", "uint8", "int16")
# As many as a proof's 16 bits for an answer tell apart; a damaged number costs no memory for names.
_MAXIMUM_CLASSES = 2**16
_DESCRIBED = "its description"
_GIVEN = "given"


class Interface(NamedTuple):
    """A classifier's view of a model. `label_source` says where the labels are from, None for "class 0", "class 1"."""

    labels: tuple[str, ...]
    label_source: str | None
    pixel_range: PixelRange
    input_scale: float
    input_zero_point: int
    output_scale: float
    output_zero_point: int
    output_kind: OutputKind

    def table(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The input values of the 256 pixel values."""
        low, high = self.pixel_range[:2]
        return inputs.table(dtype, low, high, self.input_scale, self.input_zero_point)

    def score_rule(self, dtype: np.dtype[Any]) -> scores.Rule:
        """How outputs of `dtype` become scores."""
        if np.issubdtype(dtype, np.floating):
            return scores.Rule(self.output_kind, 1.0, 0, 0)
        lowest = int(np.iinfo(dtype).min)
        return scores.Rule(self.output_kind, self.output_scale, self.output_zero_point, lowest)


def read(file: ModelFile, stated: PixelRange | None, labels: tuple[str, ...] | None) -> Interface:
    """The interface of `file`, with the range of pixels and the labels that the caller states, if any.

    Raises ModelFileError where the model is no classifier of 28x28 images, PixelRangeError and DataError where what is
    stated contradicts its description, or is none.
    """
    source, result = _ends(file)
    raw = source.dtype == "uint8" and not source.scales
    input_scale, input_zero_point = (1.0, 0) if raw else _quantization(source, file.path)
    output_scale, output_zero_point = _quantization(result, file.path)
    return Interface(
        *_labels(file, result.shape[1], labels),
        _pixel_range(file, source, stated),
        input_scale,
        input_zero_point,
        output_scale,
        output_zero_point,
        _output_kind(file),
    )


def stated_range(value: PixelRange | tuple[float, float]) -> PixelRange:
    """The range that a caller states as a PixelRange or as (low, high). Raises PixelRangeError."""
    reason, ends = (value.reason, value[:2]) if isinstance(value, PixelRange) else (_GIVEN, value)
    try:
        if isinstance(ends, str):
            raise TypeError("it is text")
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError, OverflowError) as error:
        raise PixelRangeError(f"pixels is no pair of numbers ({error}), expected (low, high) such as (0, 1)") from error
    return checked(low, high, reason)


def stated_labels(value: Sequence[str]) -> tuple[str, ...]:
    """The names that a caller gives the classes, in their order. Raises DataError where they are no names."""
    try:
        labels = () if isinstance(value, str) else tuple(value)
    except TypeError:
        labels = ()
    if not labels or not all(isinstance(label, str) for label in labels):
        raise DataError("the labels are no list of names, expected a name for each class")
    return labels


def _ends(file: ModelFile) -> tuple[Tensor, Tensor]:
    """The input and the output, each of a shape and dtype that a classifier has."""
    graph = file.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelFileError(
            f"{file.path}: {len(graph.inputs)} inputs and {len(graph.outputs)} outputs, expected one of each"
        )
    source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    if source.shape not in _SHAPES or source.dtype not in _DTYPES:
        raise ModelFileError(
            f"{file.path}: the input is {source.dtype} {source.shape}, "
            f"expected float32, int8, uint8 or int16 of (1, 28, 28) or (1, 28, 28, 1)"
        )
    if len(result.shape) != 2 or result.shape[0] != 1 or result.dtype not in _DTYPES:
        raise ModelFileError(f"{file.path}: the output is {result.dtype} {result.shape}, expected (1, classes)")
    if not 2 <= result.shape[1] <= _MAXIMUM_CLASSES:
        raise ModelFileError(
            f"{file.path}: the output has {result.shape[1]:,} values, expected one for each of 2 to "
            f"{_MAXIMUM_CLASSES:,} classes; export a model with a softmax"
        )
    return source, result


def _quantization(tensor: Tensor, path: Path) -> tuple[float, int]:
    """The scale and the zero point of a quantized `tensor`, (0, 0) of floats."""
    if tensor.dtype == "float32":
        return 0.0, 0
    if not (tensor.scales and tensor.zero_points and tensor.scales[0] > 0):
        raise ModelFileError(f"{path}: {tensor.name!r} is {tensor.dtype} and has no scale; export it again")
    limits, zero_point = np.iinfo(tensor.dtype), tensor.zero_points[0]
    if not limits.min <= zero_point <= limits.max:
        raise ModelFileError(
            f"{path}: {tensor.name!r} is {tensor.dtype} with the zero point {zero_point}, expected {limits.min} to "
            f"{limits.max}; copy or export it again"
        )
    return tensor.scales[0], zero_point


def _labels(file: ModelFile, count: int, given: tuple[str, ...] | None) -> tuple[tuple[str, ...], str | None]:
    """A name for each of `count` classes, and where they are from."""
    if given is not None and len(given) != count:
        raise DataError(f"{file.path}: the model has {count} classes, {len(given)} labels are given; name each class")
    if not file.labels:
        return (given, _GIVEN) if given else _told_labels(file, count)
    if len(file.labels) != count:
        raise ModelFileError(f"{file.path}: {len(file.labels)} labels for {count} classes; export the file again")
    if given is not None and given != file.labels:
        number = next(number for number in range(count) if given[number] != file.labels[number])
        raise DataError(
            f"{file.path}: class {number} is {file.labels[number]!r} by its description, {given[number]!r} by the "
            f"labels that are given; leave --labels out"
        )
    return file.labels, _DESCRIBED


def _told_labels(file: ModelFile, count: int) -> tuple[tuple[str, ...], str | None]:
    """The names in a plain file's metadata, else numbers: nothing else tells what its classes are."""
    from fmnist_runtime.model import metadata_labels

    found = metadata_labels.read(file.flatbuffer, count)
    if found:
        return found[0], f"{found[1]} inside it"
    return tuple(f"class {number}" for number in range(count)), None


def _pixel_range(file: ModelFile, source: Tensor, stated: PixelRange | None) -> PixelRange:
    if file.description is None:
        told = _told(file, source)
        if stated and told and not told.assumed and not _same(stated, told, 0.02):
            return stated._replace(reason=f"{stated.reason}, though {told.reason} tells {told.low:g}..{told.high:g}")
        return stated or told or PixelRange(0.0, 1.0, "assumed", assumed=True)
    described = _described_range(file)
    if stated and not _same(stated, described, 1e-4):
        raise PixelRangeError(
            f"{file.path}: its description states pixels {described.low:g}..{described.high:g}, not "
            f"{stated.low:g}..{stated.high:g}; leave --pixels, --mean and --std out"
        )
    return described


def _same(first: PixelRange, second: PixelRange, tolerance: float) -> bool:
    near = tolerance * abs(second.high - second.low)
    return abs(first.low - second.low) <= near and abs(first.high - second.high) <= near


def _described_range(file: ModelFile) -> PixelRange:
    try:
        low, high = (float(end) for end in (file.description or {})["input"]["range"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(
            f"{file.path}: its description states no range of the input, expected two numbers; export it again"
        ) from error
    if not (math.isfinite(low) and math.isfinite(high) and low != high):
        raise ModelFileError(f"{file.path}: its description states the range {low} to {high}; export it again")
    return PixelRange(low, high, _DESCRIBED)


def _told(file: ModelFile, source: Tensor) -> PixelRange | None:
    """The range that a plain file's own numbers tell, by the order of docs/model-file.md; None where they don't."""
    if source.dtype == "uint8" and not source.scales:
        return PixelRange(0.0, 255.0, "the input is uint8 without a scale")
    scale, zero_point = _quantization(source, file.path)
    told = quantized(source.dtype, scale, zero_point)
    if told is None:
        from fmnist_runtime.flatbuffer import first_layers

        told = first_layers.tell(file.graph, file.flatbuffer)
    try:
        return told and checked(told.low, told.high, told.reason)._replace(assumed=told.assumed)
    except PixelRangeError as error:
        raise ModelFileError(f"{file.path}: by its scales {error}; copy or export it again") from error


def _output_kind(file: ModelFile) -> OutputKind:
    """What the operators tell, else what the description states."""
    found = output_kind.of(file.graph)
    if found != "unknown" or file.description is None:
        return found
    output = file.description.get("output")
    stated = output.get("kind") if isinstance(output, dict) else None
    return stated if isinstance(stated, str) and stated in OUTPUT_KINDS else "unknown"  # type: ignore[return-value]
