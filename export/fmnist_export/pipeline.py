"""One Keras model in, proved model files out: convert, check, describe, prove on each target, and only then publish."""

import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fmnist_runtime
from fmnist_export.convert import converter
from fmnist_export.convert.calibration import Calibration
from fmnist_export.explain import explanation as explain
from fmnist_export.explain.result import Explanation
from fmnist_export.explain.variants import PRECISIONS as EXPLAINED
from fmnist_export.prove import environments, golden, graph_checks, proof, targets
from fmnist_export.prove.environments import Environment, NotProvable
from fmnist_export.prove.proof import Outputs, Proof
from fmnist_export.prove.targets import Target
from fmnist_export.report import page as report
from fmnist_export.report.page import ModelResult, NotProved, Report, Run
from fmnist_export.source import loaded_model, training_record
from fmnist_export.source.loaded_model import NOTHING_STATED, Source, Statement
from fmnist_keras.comparison import half_precision
from fmnist_runtime.data.dataset import Dataset
from fmnist_runtime.device.verification import answers_digest, golden_differences
from fmnist_runtime.errors import ExportError
from fmnist_runtime.flatbuffer import graph, output_kind
from fmnist_runtime.images.types import CONVENTION
from fmnist_runtime.model import model_file
from fmnist_runtime.model.golden import Golden
from fmnist_runtime.model.golden import file_name as golden_name
from fmnist_runtime.system.atomic import make_folder, write_together
from fmnist_runtime.system.digests import sha256

Say = Callable[[str], None]

# The least share of test images on which a file must answer as Keras does, by precision.
MINIMUM_AGREEMENT = {
    "float32": 1.0,
    "float16": 0.999,
    "dynamic": 0.99,
    "int8": 0.99,
    "int8-strict": 0.98,
    "int16x8": 0.99,
}


# The precision of a file whose numbers have about as many bits.
_AS_EXACT_AS = {"float16": "float16", "bfloat16": "int8"}


@dataclass(frozen=True)
class Exported:
    """A model file with its proofs; `content` is the whole file, `runs` are what the proofs were made from."""

    path: Path
    precision: str
    content: bytes
    description: dict[str, Any]
    proofs: tuple[Proof, ...]
    runs: tuple[Run, ...]
    not_proved: tuple[NotProved, ...]
    explanation: Explanation | None

    def as_json(self) -> dict[str, Any]:
        """The keys of `fmnist-export --json`, as docs and other programs know them."""
        return {
            "path": str(self.path),
            "precision": self.precision,
            "bytes": len(self.content),
            "sha256": sha256(self.content),
            "proofs": [proof.as_json() for proof in self.proofs],
            "not_proved": [{"target": missing.target, "reason": missing.reason} for missing in self.not_proved],
            **({"explanation": self.explanation.as_json()} if self.explanation else {}),
        }


def export(
    path: Path,
    folder: Path,
    dataset: Dataset,
    *,
    precisions: Sequence[str] = ("float32",),
    target_names: Sequence[str] = (),
    stated: Statement = NOTHING_STATED,
    minimum_agreement: float | None = None,
    golden_images: int = golden.IMAGES,
    show_explanation: Callable[[Explanation], None] | None = None,
    say: Say = lambda _: None,
) -> list[Exported]:
    """Convert the Keras model in `path` to each of `precisions`, prove every file, and publish them all to `folder`.

    Every file is checked against every target of `target_names` (see targets.choose) and proved on each whose
    interpreter is here or can be installed. A file is published only when it agrees with Keras on at least
    `minimum_agreement` of the test images (by default MINIMUM_AGREEMENT) everywhere; else ExportError, and `folder` is
    as it was. `stated` is what a person says of the model (see source.load, which refuses what nothing tells).

    With `show_explanation` every int8 file is explained (see explain.py), and it gets each explanation
    before the file is proved. `say` gets a line for each step. Writes the golden file, with `golden_images`, and
    report.html too.

    The files also say how the model was trained, where the training.json beside `path` is that of this very model.
    """
    chosen = targets.choose(target_names)
    make_folder(folder)
    found, missing = _environments(chosen, say)
    loaded = loaded_model.load(path, dataset, stated, say)
    images = golden.choose(dataset.test.images, loaded.probabilities, loaded.sha256, golden_images)
    training = None if loaded.record is None else training_record.described(loaded.record, _versions(), say)
    # What a target would refuse is refused before anything is run, whether its interpreter is here or not.
    converted = [(precision, *_convert(loaded, precision, chosen, dataset, training, say)) for precision in precisions]
    if not found:
        reasons = "; ".join(f"{entry.target}: {entry.reason}" for entry in missing)
        raise ExportError(f"nothing can be proved here, so nothing is exported ({reasons})")
    least = {precision: _least(loaded, precision, minimum_agreement) for precision in precisions}
    finished = []
    for precision, content, description in converted:
        explanation = _explain(loaded, precision, content, dataset, show_explanation, say)
        proofs, recorded, runs = [], [], []
        for environment in found:
            say(f"proving {precision} on {environment.target.name} with {len(dataset.test.images):,} test images")
            outputs = _run(model_file.pack(content, loaded.class_names, description), dataset, environment)
            proofs.append(proof.compare(outputs, loaded.probabilities, loaded.labels))
            _require(proofs[-1], precision, least[precision])
            recorded.append(_recorded(proofs[-1], outputs, images))
            runs.append(Run.from_outputs(outputs.values, description["output"], outputs.runtime, outputs.version))
        description["proofs"] = recorded
        goal = folder / f"{path.stem}-{precision}.tflite"
        whole = model_file.pack(content, loaded.class_names, description)
        finished.append(
            Exported(goal, precision, whole, description, tuple(proofs), tuple(runs), tuple(missing), explanation)
        )
    _publish(finished, folder, loaded, images, dataset, least)
    return finished


def _publish(
    finished: list[Exported],
    folder: Path,
    loaded: Source,
    images: Golden,
    dataset: Dataset,
    least: Mapping[str, float],
) -> None:
    """Write all files or none; the page is made first, so that nothing is written where that fails."""
    page = report.html(
        Report(
            loaded.path.name,
            loaded.sha256,
            _versions(),
            loaded.class_names,
            f"pixels become {loaded.pixels}",
            dataset.test.images,
            loaded.labels,
            loaded.probabilities,
            tuple(_result(file, least[file.precision]) for file in finished),
        )
    )
    for file in finished:
        model_file.parse(file.content, file.path)
    write_together(
        {
            **{file.path: file.content for file in finished},
            folder / golden_name(loaded.path.stem): images.to_bytes(),
            folder / "report.html": page.encode(errors="backslashreplace"),
        }
    )


def _result(file: Exported, least: float) -> ModelResult:
    return ModelResult(
        file.path.name,
        file.precision,
        len(file.content),
        sha256(file.content),
        file.description,
        file.runs,
        file.not_proved,
        least,
        file.explanation,
    )


def _explain(
    loaded: Source,
    precision: str,
    content: bytes,
    dataset: Dataset,
    show: Callable[[Explanation], None] | None,
    say: Say,
) -> Explanation | None:
    if show is None or precision not in EXPLAINED:
        return None
    say(f"explaining {precision} on training images that were held out")
    calibration = Calibration.of(dataset.train)
    explanation = explain.explain(
        loaded.model,
        precision,
        content,
        loaded.inputs(calibration.images(dataset.train)),
        loaded.inputs(explain.held_out(dataset.train, calibration)),
    )
    show(explanation)
    return explanation


def _environments(chosen: Sequence[Target], say: Say) -> tuple[list[Environment], list[NotProved]]:
    """The interpreters that are here, and the targets that have none."""
    found, missing = [], []
    for target in chosen:
        try:
            found.append(environments.find(target, say))
        except NotProvable as reason:
            missing.append(NotProved(target.name, str(reason)))
    return found, missing


def _convert(
    loaded: Source,
    precision: str,
    chosen: Sequence[Target],
    dataset: Dataset,
    training: dict[str, Any] | None,
    say: Say,
) -> tuple[bytes, dict[str, Any]]:
    """The flatbuffer in `precision`, acceptable to all targets, and its description, without proofs yet."""
    say(f"converting to {precision}")
    calibration = Calibration.of(dataset.train)
    content = converter.convert(loaded.model, precision, loaded.inputs(calibration.images(dataset.train)))
    model = graph.read(content)
    graph_checks.check(model, loaded.model.count_params(), precision)
    refusals = [refusal for target in chosen for refusal in targets.refusals(model, target)]
    if refusals:
        raise ExportError(f"{precision} is refused, nothing was published: {'; '.join(refusals)}")
    return content, _describe(content, model, loaded, precision, calibration, dataset, training)


def _describe(
    content: bytes,
    model: graph.Graph,
    loaded: Source,
    precision: str,
    calibration: Calibration,
    dataset: Dataset,
    training: dict[str, Any] | None,
) -> dict[str, Any]:
    first, last = model.tensors[model.inputs[0]], model.tensors[model.outputs[0]]
    return model_file.describe(
        content,
        loaded.class_names,
        precision=precision,
        input={
            **_tensor(first),
            "pixels": CONVENTION,
            "range": [loaded.pixels.low, loaded.pixels.high],
            "range_reason": loaded.pixels.reason,
        },
        output={**_tensor(last), "kind": output_kind.infer(model)},
        calibration=calibration.as_json() if "int" in precision else None,
        proofs=[],
        data={"name": dataset.name, "sha256": dataset.digest},
        keras_sha256=loaded.sha256,
        versions=_versions(),
        **({} if training is None else {"training": training}),
    )


def _tensor(tensor: graph.Tensor) -> dict[str, Any]:
    return {
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "scale": tensor.scales[0] if tensor.scales else None,
        "zero_point": tensor.zero_points[0] if tensor.zero_points else None,
    }


def _versions() -> dict[str, str]:
    import keras
    import tensorflow

    return {
        "fmnist-edge": fmnist_runtime.__version__,
        "python": platform.python_version(),
        "tensorflow": tensorflow.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


def _run(content: bytes, dataset: Dataset, environment: Environment) -> Outputs:
    with tempfile.TemporaryDirectory(prefix="fmnist-export-") as folder:
        candidate = Path(folder, "candidate.tflite")
        candidate.write_bytes(content)
        return proof.run(candidate, dataset.test.images, environment)


def _recorded(found: Proof, outputs: Outputs, images: Golden) -> dict[str, Any]:
    """A proof as it stands in the model file: numbers in place of the list of images, and what a device must repeat."""
    numbers = {name: value for name, value in found.as_json().items() if name != "disagreements"}
    answers = outputs.answers[images.indices]
    return {
        **numbers,
        "answers_sha256": answers_digest(outputs.answers),
        "golden": {
            "images": len(images.indices),
            "disagreements": int((answers != images.expected).sum()),
            "otherwise": golden_differences(answers, images),
        },
    }


def _require(found: Proof, precision: str, least: float) -> None:
    if found.agreement < least:
        raise ExportError(
            f"{precision} on {found.runtime} {found.version} agrees with Keras on {found.agreement:.4f} of "
            f"{found.images:,} images, expected at least {least:.4f}; nothing was published "
            f"(--min-agreement sets the limit, --explain says where it is lost)"
        )


def _least(loaded: Source, precision: str, minimum: float | None) -> float:
    """The agreement that is asked of a file: what a person says, else what its precision gives.

    A model of half precision rounds to 11 bits (float16) or 8 (bfloat16) itself, which float32 can't repeat.
    """
    if minimum is not None:
        return minimum
    half = half_precision(loaded.model)
    return min(MINIMUM_AGREEMENT[precision], MINIMUM_AGREEMENT[_AS_EXACT_AS[half]] if half else 1.0)
