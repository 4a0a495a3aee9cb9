"""The measurement of the frontier: each file's answers to all test images and its latency, on each runtime."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.frontier import candidates
from fmnist_benchmarks.frontier.candidates import Candidate
from fmnist_benchmarks.frontier.published import PUBLISHED_RESULTS, SOURCE
from fmnist_benchmarks.measure import measurement
from fmnist_benchmarks.measure.rounds import Settings
from fmnist_benchmarks.measure.subject import Subject, precision
from fmnist_benchmarks.measure.worker import CLASSIFY
from fmnist_benchmarks.output.progress import ProgressLine
from fmnist_runtime.commandline import warn
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.device.verification import answers_digest, count_ties
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference.interpreters import BACKENDS
from fmnist_runtime.model import model_file
from fmnist_runtime.system import child
from fmnist_runtime.system.digests import sha256

SCHEMA = 1
# The runtime of the targets; where bytes are compared, a file's accuracy on it stands for the file.
TARGET_RUNTIME = "tflite-runtime"
_TIMED_IMAGES = 1000


@dataclass(frozen=True)
class Evaluation:
    """A file of a candidate on a runtime: the subject of its latency, and the quality of its answers.

    `proof` is the proof in the file that fits best (see _matching_proof), None where it has none; `as_proved` whether
    every answer is the recorded one.
    """

    candidate: Candidate
    subject: Subject
    accuracy: float
    ties: int
    proof: dict[str, Any] | None
    as_proved: bool


class Outputs(NamedTuple):
    """What a file gave for all test images: outputs (N, classes), and the version of the runtime."""

    outputs: NDArray[np.float32]
    version: str


def measure(models: Sequence[Candidate], test: Split, backends: Sequence[str], settings: Settings) -> dict[str, Any]:
    """The document of the frontier: `models`, each file on each of `backends`, and published results.

    A file that a runtime refuses is left out there, with the reason. Raises FmnistError where nothing runs at all.
    """
    left_out = [
        {"what": f"everything on {title}", "reason": "it was not measured; see `make peers`"}
        for name, (title, _) in BACKENDS.items()
        if name not in backends
    ]
    evaluations: list[Evaluation] = []
    with tempfile.TemporaryDirectory(prefix="fmnist-frontier-") as name:
        folder = Path(name)
        np.save(folder / "images.npy", test.images)
        for model in models:
            for path in model.files.values():
                for backend in backends:
                    try:
                        evaluations.append(_evaluate(model, path, backend, folder, test.labels))
                    except FmnistError as error:
                        left_out.append({"what": f"{model.name}, {path.name} on {backend}", "reason": str(error)})
                        warn(f"{model.name} on {backend} is left out: {error}")
        if not evaluations:
            raise FmnistError(f"no model ran on {' or '.join(backends) or 'any runtime'}; fmnist-doctor says why")
        subjects = [one.subject for one in evaluations]
        with ProgressLine() as progress:
            timed, _ = measurement.measure(subjects, test.images[:_TIMED_IMAGES], settings, progress)
    results = [_result(one, latencies) for one, latencies in zip(evaluations, timed["results"], strict=True)]
    return {
        "schema": SCHEMA,
        "interrupted": timed["interrupted"],
        "machine": timed["machine"],
        "settings": timed["settings"],
        "images": len(test.images),
        "models": [_model(model, results) for model in models],
        "results": results,
        "published": [{**asdict(one), "bytes": one.bytes, "source": SOURCE} for one in PUBLISHED_RESULTS],
        "left_out": left_out,
        # The document has no latency of a whole classify, so warnings about it say nothing.
        "warnings": [words for words in timed["warnings"] if CLASSIFY not in words],
    }


def _evaluate(model: Candidate, path: Path, backend: str, folder: Path, labels: NDArray[np.uint8]) -> Evaluation:
    """Run the file on every image in folder/images.npy with `backend`. Raises FmnistError where it does not run."""
    warn(f"{model.name}: {path.name} classifies {len(labels):,} images on {BACKENDS[backend][0]}")
    outputs, version = _outputs(path, backend, folder)
    answers = outputs.argmax(axis=1)
    file = model_file.read(path)
    content = model_file.content(file)
    # Warnings name the file of a result, and all files are called model-int8.tflite.
    link = folder / f"{model.name} {precision(file)}, {BACKENDS[backend][0]}"
    link.symlink_to(path.resolve())
    subject = Subject(
        model=link,
        precision=precision(file),
        bytes=len(content),
        sha256=sha256(content),
        threads=1,
        backend=backend,
        version=version,
        answers=answers,
    )
    proof, as_proved = _matching_proof(file.description or {}, backend, answers)
    return Evaluation(model, subject, float(np.mean(answers == labels)), count_ties(outputs), proof, as_proved)


def _outputs(path: Path, backend: str, folder: Path) -> Outputs:
    """Run the file in a process of its own. Raises FmnistError with its reason where it does not run."""
    images, outputs = folder / "images.npy", folder / "outputs.npy"
    result = subprocess.run(
        [
            *child.python_command(),
            "-m",
            "fmnist_runtime.answers",
            str(path),
            str(images),
            str(outputs),
            "--backend",
            backend,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or [f"it ended with {result.returncode}"])[-1]
        raise FmnistError(reason.removeprefix("fmnist_runtime.answers: ").replace(str(path), path.name))
    return Outputs(np.load(outputs), json.loads(result.stdout.splitlines()[-1])["version"])


def _matching_proof(
    description: dict[str, Any], backend: str, answers: NDArray[np.intp]
) -> tuple[dict[str, Any] | None, bool]:
    """The proof in the file that fits these answers best, and whether it records exactly these answers.

    That is a proof of the same answers, else one on the same runtime, else any.
    """
    digest, proofs = answers_digest(answers), description.get("proofs", [])
    same_answers = [proof for proof in proofs if proof.get("answers_sha256") == digest]
    same_runtime = [proof for proof in proofs if proof.get("runtime") == backend]
    return next(iter([*same_answers, *same_runtime, *proofs]), None), bool(same_answers)


def _result(one: Evaluation, timed: dict[str, Any]) -> dict[str, Any]:
    proof = one.proof or {}
    keys = ("precision", "bytes", "sha256", "runtime", "version", "invoke_us")
    return {
        "name": one.candidate.name,
        **{key: timed[key] for key in keys},
        "accuracy": one.accuracy,
        "ties": one.ties,
        "keras_accuracy": proof.get("keras_accuracy"),
        "agreement": proof.get("agreement"),
        "as_proved": one.as_proved,
    }


def _model(model: Candidate, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A candidate with its parameters, its target and how it misses it; None without a target or a result for it."""
    target = candidates.TARGETS.get(model.name)
    key = (model.name, "int8", TARGET_RUNTIME)
    missed = [
        candidates.shortfalls(target, one["bytes"], one["accuracy"], one["keras_accuracy"], one["agreement"])
        for one in results
        if target and (one["name"], one["precision"], one["runtime"]) == key
    ]
    file = next(iter(model.files.values()))
    return {
        "name": model.name,
        "parameters": candidates.count_parameters(model_file.read(file).graph),
        "target": asdict(target) if target else None,
        "missed": missed[0] if missed else None,
    }
