"""The check stage of an export: a converted file that every target accepts, with its description but without proofs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fmnist_export.convert.converted_file import ConvertedFile
from fmnist_export.prove import targets
from fmnist_export.prove.graph_checks import check_graph
from fmnist_export.prove.targets import Target
from fmnist_export.source.loaded_model import LoadedModel
from fmnist_runtime.data.dataset import Dataset
from fmnist_runtime.errors import ExportError
from fmnist_runtime.flatbuffer import output_kind
from fmnist_runtime.flatbuffer.graph import Tensor
from fmnist_runtime.images.types import CONVENTION
from fmnist_runtime.model import model_file


@dataclass(frozen=True)
class CheckedFile:
    """A converted file with its description (fmnist.json), in which the list of proofs is still empty."""

    converted: ConvertedFile
    description: dict[str, Any]

    @property
    def precision(self) -> str:
        """The precision, a key of converter.CONVERTERS."""
        return self.converted.precision


def check_file(
    converted: ConvertedFile,
    loaded: LoadedModel,
    dataset: Dataset,
    *,
    required_targets: Sequence[Target],
    training: dict[str, Any] | None,
) -> CheckedFile:
    """Check that all of `required_targets` accept `converted`, a conversion of `loaded`, and describe it.

    `training` is the summary of training.json, None without one. Raises ExportError where a target refuses the file,
    whether its interpreter is available here or not.
    """
    graph, precision = converted.flatbuffer.graph, converted.precision
    check_graph(graph, loaded.model.count_params(), precision)
    problems = [problem for target in required_targets for problem in targets.incompatibilities(graph, target)]
    if problems:
        raise ExportError(f"{precision} is refused, nothing was published: {'; '.join(problems)}")
    return CheckedFile(converted, _describe(converted, loaded, dataset, training))


def _describe(
    converted: ConvertedFile, loaded: LoadedModel, dataset: Dataset, training: dict[str, Any] | None
) -> dict[str, Any]:
    flatbuffer = converted.flatbuffer
    return model_file.describe(
        flatbuffer.content,
        loaded.class_names,
        flatbuffer.graph,
        precision=converted.precision,
        input={
            **_tensor(flatbuffer.input),
            "pixels": CONVENTION,
            "range": [loaded.pixels.low, loaded.pixels.high],
            "range_reason": loaded.pixels.reason,
        },
        output={**_tensor(flatbuffer.output), "kind": output_kind.infer(flatbuffer.graph)},
        calibration=converted.calibration.as_json() if converted.is_calibrated else None,
        proofs=[],
        data={"name": dataset.name, "sha256": dataset.digest},
        keras_sha256=loaded.sha256,
        versions=loaded.versions,
        **({} if training is None else {"training": training}),
    )


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "scale": tensor.scales[0] if tensor.scales else None,
        "zero_point": tensor.zero_points[0] if tensor.zero_points else None,
    }
