"""What a classifier needs to know about a model file: its classes, its pixel range, what its outputs mean.

A file of fmnist-export states all of it. A plain .tflite states none of it. What its tensors, operators and metadata
tell is used; the caller gives the rest, or it is marked as assumed (docs/model-file.md, "A plain .tflite").

This module builds no interpreter; the choice of the pixel range is in fmnist_runtime.model.input_range.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import InterfaceError, LabelsError
from fmnist_runtime.flatbuffer import output_kind
from fmnist_runtime.flatbuffer.graph import Tensor
from fmnist_runtime.flatbuffer.output_kind import OUTPUT_KINDS, OutputKind
from fmnist_runtime.images.pixel_range import PixelRange
from fmnist_runtime.inference import inputs, scores
from fmnist_runtime.model import input_range
from fmnist_runtime.model.model_file import ModelFile

_SHAPES = ((1, 28, 28), (1, 28, 28, 1))
_DTYPES = ("float32", "int8", "uint8", "int16")
# As many as the 16 bits of a recorded answer can tell apart. A damaged number then costs no memory for names.
_MAXIMUM_CLASSES = 2**16
_DESCRIBED = "its description"
_GIVEN = "given"


class Interface(NamedTuple):
    """A model as a classifier sees it; `label_source` says where the labels are from, None for "class 0", "class 1"."""

    labels: tuple[str, ...]
    label_source: str | None
    pixel_range: PixelRange
    input_scale: float
    input_zero_point: int
    output_scale: float
    output_zero_point: int
    output_kind: OutputKind

    def input_values(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The input value, (256,) of `dtype`, of each pixel value."""
        low, high = self.pixel_range[:2]
        return inputs.table(dtype, low, high, self.input_scale, self.input_zero_point)

    def score_rule(self, dtype: np.dtype[Any]) -> scores.Rule:
        """How outputs of `dtype` become scores."""
        if np.issubdtype(dtype, np.floating):
            return scores.Rule(self.output_kind, 1.0, 0, 0)
        lowest = int(np.iinfo(dtype).min)
        return scores.Rule(self.output_kind, self.output_scale, self.output_zero_point, lowest)


def read(file: ModelFile, stated: PixelRange | None, labels: tuple[str, ...] | None) -> Interface:
    """The interface of `file`; `stated` and `labels` are the pixel range and the class names of the caller, if any.

    Raises InterfaceError where the model is not a classifier of 28x28 images, DescriptionError where its description
    lacks the range, PixelRangeError and LabelsError where the caller contradicts the file.
    """
    source, result = _input_and_output(file)
    raw = source.dtype == "uint8" and not source.scales
    input_scale, input_zero_point = (1.0, 0) if raw else input_range.quantization(source, file.path)
    output_scale, output_zero_point = input_range.quantization(result, file.path)
    names, label_source = _labels(file, result.shape[1], labels)
    return Interface(
        labels=names,
        label_source=label_source,
        pixel_range=input_range.range_of(file, stated),
        input_scale=input_scale,
        input_zero_point=input_zero_point,
        output_scale=output_scale,
        output_zero_point=output_zero_point,
        output_kind=_output_kind(file),
    )


def parse_labels(value: Sequence[str]) -> tuple[str, ...]:
    """The class names that a caller gives, in the order of the classes. Raises LabelsError where they are not names."""
    try:
        labels = () if isinstance(value, str) else tuple(value)
    except TypeError:
        labels = ()
    if not labels or not all(isinstance(label, str) for label in labels):
        raise LabelsError("the labels are not a list of names, expected a name for each class")
    return labels


def _input_and_output(file: ModelFile) -> tuple[Tensor, Tensor]:
    """The input and the output tensor. Raises InterfaceError unless they fit a classifier of 28x28 images."""
    graph = file.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise InterfaceError(
            f"{file.path}: {len(graph.inputs)} inputs and {len(graph.outputs)} outputs, expected one of each"
        )
    source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    if source.shape not in _SHAPES or source.dtype not in _DTYPES:
        raise InterfaceError(
            f"{file.path}: the input is {source.dtype} {source.shape}, "
            f"expected float32, int8, uint8 or int16 of (1, 28, 28) or (1, 28, 28, 1)"
        )
    if len(result.shape) != 2 or result.shape[0] != 1 or result.dtype not in _DTYPES:
        raise InterfaceError(f"{file.path}: the output is {result.dtype} {result.shape}, expected (1, classes)")
    if not 2 <= result.shape[1] <= _MAXIMUM_CLASSES:
        raise InterfaceError(
            f"{file.path}: the output has {result.shape[1]:,} values, expected one for each of 2 to "
            f"{_MAXIMUM_CLASSES:,} classes; export a model with a softmax"
        )
    return source, result


def _labels(file: ModelFile, count: int, given: tuple[str, ...] | None) -> tuple[tuple[str, ...], str | None]:
    """A name for each of `count` classes, and their source."""
    if given is not None and len(given) != count:
        raise LabelsError(f"{file.path}: the model has {count} classes, {len(given)} labels are given; name each class")
    if not file.labels:
        return (given, _GIVEN) if given else _plain_labels(file, count)
    if len(file.labels) != count:
        raise InterfaceError(f"{file.path}: {len(file.labels)} labels for {count} classes; export the file again")
    if given is not None and given != file.labels:
        number = next(number for number in range(count) if given[number] != file.labels[number])
        raise LabelsError(
            f"{file.path}: class {number} is {file.labels[number]!r} by its description, {given[number]!r} by the "
            f"labels that are given; leave --labels out"
        )
    return file.labels, _DESCRIBED


def _plain_labels(file: ModelFile, count: int) -> tuple[tuple[str, ...], str | None]:
    """The names in the metadata of a plain file, else numbers: nothing else tells its classes."""
    from fmnist_runtime.model import metadata_labels

    found = metadata_labels.read(file.flatbuffer, count)
    if found:
        return found[0], f"{found[1]} inside it"
    return tuple(f"class {number}" for number in range(count)), None


def _output_kind(file: ModelFile) -> OutputKind:
    """The kind that the operators tell, else the one that the description states."""
    found = output_kind.infer(file.graph)
    if found != "unknown" or file.description is None:
        return found
    output = file.description.get("output")
    stated = output.get("kind") if isinstance(output, dict) else None
    return stated if isinstance(stated, str) and stated in OUTPUT_KINDS else "unknown"  # type: ignore[return-value]
