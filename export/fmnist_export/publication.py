"""The last stage of an export: proved files, the golden file and report.html are written, all or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmnist_export.explain.result import Explanation
from fmnist_export.prove.environments import MissingProof
from fmnist_export.prove.proof import Proof
from fmnist_export.prove.proved_file import ProvedFile
from fmnist_export.report import page
from fmnist_export.report.content import ModelResult, Report, Run
from fmnist_export.source.loaded_model import LoadedModel
from fmnist_export.source.reference_answers import ReferenceAnswers
from fmnist_runtime.device import board
from fmnist_runtime.model import model_file
from fmnist_runtime.model.golden import Golden
from fmnist_runtime.model.golden import file_name as golden_name
from fmnist_runtime.system.atomic import write_together
from fmnist_runtime.system.digests import sha256

REPORT = "report.html"


@dataclass(frozen=True)
class PublishedFile:
    """A model file that was written to `path`, with its proofs; `content` is the whole file."""

    path: Path
    precision: str
    content: bytes
    sha256: str
    description: dict[str, Any]
    proofs: tuple[Proof, ...]
    missing_proofs: tuple[MissingProof, ...]
    explanation: Explanation | None

    def as_json(self) -> dict[str, Any]:
        """The keys of `fmnist-export --json`, which the documentation and other programs rely on."""
        return {
            "path": str(self.path),
            "precision": self.precision,
            "bytes": len(self.content),
            "sha256": self.sha256,
            "proofs": [proof.as_json() for proof in self.proofs],
            "not_proved": [{"target": missing.target, "reason": missing.reason} for missing in self.missing_proofs],
            **({"explanation": self.explanation.as_json()} if self.explanation else {}),
        }


def publish(
    proved_files: Sequence[ProvedFile],
    folder: Path,
    loaded: LoadedModel,
    answers: ReferenceAnswers,
    *,
    golden: Golden,
    explanations: Mapping[str, Explanation],
    missing: Sequence[MissingProof],
) -> list[PublishedFile]:
    """Write `proved_files`, the `golden` file and the report to `folder`; where one cannot be written, none is.

    `explanations` are by precision, `missing` are the targets without an available interpreter.
    """
    files = [_packed(proved, folder, loaded, explanations.get(proved.precision), missing) for proved in proved_files]
    results = tuple(_result(proved, file) for proved, file in zip(proved_files, files, strict=True))
    # Everything that can fail comes before the first write.
    report = page.html(_report(loaded, answers, results))
    write_together(
        {
            **{file.path: file.content for file in files},
            folder / golden_name(loaded.path.stem): golden.to_bytes(),
            folder / REPORT: report.encode(errors="backslashreplace"),
        }
    )
    return files


def _packed(
    proved: ProvedFile,
    folder: Path,
    loaded: LoadedModel,
    explanation: Explanation | None,
    missing: Sequence[MissingProof],
) -> PublishedFile:
    """The model file of `proved`. Raises ModelFileError where labels or description exceed the limits of the format."""
    path = folder / f"{loaded.path.stem}-{proved.precision}.tflite"
    flatbuffer = proved.checked.converted.flatbuffer
    content = model_file.pack(flatbuffer.content, loaded.class_names, proved.description)
    model_file.parse(content, path, flatbuffer.graph)
    return PublishedFile(
        path=path,
        precision=proved.precision,
        content=content,
        sha256=sha256(content),
        description=proved.description,
        proofs=proved.proofs,
        missing_proofs=tuple(missing),
        explanation=explanation,
    )


def _report(loaded: LoadedModel, answers: ReferenceAnswers, results: tuple[ModelResult, ...]) -> Report:
    return Report(
        source=loaded.path.name,
        source_sha256=loaded.sha256,
        versions=loaded.versions,
        class_names=loaded.class_names,
        scaling=f"pixels become {loaded.pixels}",
        images=answers.images,
        labels=answers.labels,
        keras_probabilities=answers.probabilities,
        machine=board.title(),
        models=results,
    )


def _result(proved: ProvedFile, file: PublishedFile) -> ModelResult:
    output = proved.description["output"]
    return ModelResult(
        name=file.path.name,
        precision=file.precision,
        bytes=len(file.content),
        sha256=file.sha256,
        description=file.description,
        runs=tuple(Run.from_outputs(entry.outputs, output) for entry in proved.target_proofs),
        missing_proofs=file.missing_proofs,
        minimum_agreement=proved.minimum_agreement,
        explanation=file.explanation,
    )
