"""The frontier: how accurate the ladder's models are for their bytes and for their microseconds, beside others'.

    python -m fmnist_benchmarks.frontier MODEL... [-o DIR] [--json]
    python -m fmnist_benchmarks.frontier --redraw benchmarks/results/reference.json -o DIR

MODEL is a folder that fmnist-export wrote (<stem>-float32.tflite, <stem>-int8.tflite), a folder of such folders, a
.tflite file or a shipped model's name; NAME= before it names the rung. Nothing is taken on trust: every file answers
all 10,000 test images on every runtime, in processes of their own without tensorflow; latencies are those of
fmnist-benchmark, every file on every runtime in turns. Only what Keras answered comes from the proof inside the file.
Run it with the Python of .venv-peers (make peers), which has both runtimes.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.frontier import models as rungs
from fmnist_benchmarks.frontier import table
from fmnist_benchmarks.frontier.models import Rung
from fmnist_benchmarks.frontier.published import PUBLISHED, SOURCE
from fmnist_benchmarks.measure import machine, rounds
from fmnist_benchmarks.measure.rounds import Settings, Subject, precision
from fmnist_benchmarks.measure.worker import CLASSIFY
from fmnist_runtime.commandline import FILE, Command, print_json, warn
from fmnist_runtime.data.fashion_mnist_files import DEBIAN_FOLDER, Split, read_test_split
from fmnist_runtime.device.verification import answers_digest, count_ties
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference.interpreters import BACKENDS, installed
from fmnist_runtime.model import model_file
from fmnist_runtime.system import child
from fmnist_runtime.system.atomic import make_folder, sha256

SCHEMA = 1
# The targets are for this one; where bytes are compared, its accuracy stands for the file.
JUDGED = "tflite-runtime"
_TIMED_IMAGES = 1000


@dataclass(frozen=True)
class Answered:
    """A file of a rung on a runtime: the subject of the measurement, and what is known of its answers."""

    rung: Rung
    subject: Subject
    accuracy: float
    ties: int
    proof: dict[str, Any] | None
    as_proved: bool


@click.command("fmnist_benchmarks.frontier", cls=Command)
@click.argument("models", nargs=-1, metavar="MODEL...")
@click.option("-o", "--output", type=FILE, metavar="DIR", help="Draw frontier.png there.")
@click.option("--redraw", type=FILE, metavar="FILE.json", help="Measure nothing; draw what --json said before.")
@click.option("--data", type=FILE, default=DEBIAN_FOLDER, show_default=True, help="The folder of the data set.")
@click.option("--backend", "backends", multiple=True, type=click.Choice(list(BACKENDS)), help="[default: all there]")
@click.option("--runs", type=click.IntRange(min=1), default=6000, show_default=True, help="Timed images for each.")
@click.option("--processes", type=click.IntRange(min=1), default=6, show_default=True, help="Fresh processes for each.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(
    models: tuple[str, ...],
    output: Path | None,
    redraw: Path | None,
    data: Path,
    backends: tuple[str, ...],
    runs: int,
    processes: int,
    as_json: bool,
) -> None:
    """Measure accuracy, bytes and latency of MODELs on each runtime, and draw them beside published results."""
    if bool(models) == bool(redraw):
        raise click.UsageError("expected either MODEL... to measure or --redraw FILE.json")
    if output:
        from fmnist_benchmarks.output import plotting

        plotting.pyplot()  # what is missing is said now, and not after the measurement
        make_folder(output)
    if redraw:
        document = _read(redraw)
    else:
        settings = Settings(runs=max(runs, processes), processes=processes)
        document = measure(rungs.find(models), read_test_split(data), backends or installed(), settings)
    if output:
        from fmnist_benchmarks.frontier import figure
        from fmnist_benchmarks.output import plotting

        plotting.save(output / "frontier.png", figure.draw(document))
    if as_json:
        print_json(document, indent=1)
    else:
        click.echo(f"{machine.title(document['machine'])}\n\n{table.markdown(document)}")
    for words in document["warnings"]:
        warn(f"warning: {words}")


def measure(ladder: Sequence[Rung], test: Split, backends: Sequence[str], settings: Settings) -> dict[str, Any]:
    """The document of the frontier: the rungs of `ladder`, each file on each runtime, and what others published.

    A file that a runtime refuses is left out there, with the reason. Raises FmnistError where nothing runs at all.
    """
    left_out = [
        {"what": f"everything on {title}", "reason": "it was not measured; see `make peers`"}
        for name, (title, _) in BACKENDS.items()
        if name not in backends
    ]
    found: list[Answered] = []
    with tempfile.TemporaryDirectory(prefix="fmnist-frontier-") as name:
        folder = Path(name)
        np.save(folder / "images.npy", test.images)
        for rung in ladder:
            for path in rung.files.values():
                for backend in backends:
                    try:
                        found.append(_ask(rung, path, backend, folder, test.labels))
                    except FmnistError as error:
                        left_out.append({"what": f"{rung.name}, {path.name} on {backend}", "reason": str(error)})
                        warn(f"{rung.name} on {backend} is left out: {error}")
        if not found:
            raise FmnistError(f"no model ran on {' or '.join(backends) or 'any runtime'}; fmnist-doctor says why")
        subjects = [one.subject for one in found]
        timed, _ = rounds.measure(subjects, test.images[:_TIMED_IMAGES], settings, warn)
    results = [_result(one, latencies) for one, latencies in zip(found, timed["results"], strict=True)]
    return {
        "schema": SCHEMA,
        "machine": timed["machine"],
        "settings": timed["settings"],
        "images": len(test.images),
        "models": [_model(rung, results) for rung in ladder],
        "results": results,
        "published": [{**asdict(one), "bytes": one.bytes, "source": SOURCE} for one in PUBLISHED],
        "left_out": left_out,
        "warnings": [words for words in timed["warnings"] if CLASSIFY not in words],  # of which nothing is told here
    }


def _ask(rung: Rung, path: Path, backend: str, folder: Path, labels: NDArray[np.uint8]) -> Answered:
    """Let the file answer every image in folder/images.npy on `backend`. Raises FmnistError where it does not run."""
    warn(f"{rung.name}: {path.name} answers {len(labels):,} images on {BACKENDS[backend][0]}")
    command = [*child.python(), "-m", "fmnist_runtime.answers", str(path), str(folder / "images.npy")]
    ended = subprocess.run(
        [*command, str(folder / "outputs.npy"), "--backend", backend], capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        words = (ended.stderr.strip().splitlines() or [f"it ended with {ended.returncode}"])[-1]
        raise FmnistError(words.removeprefix("fmnist_runtime.answers: ").replace(str(path), path.name))
    runtime = json.loads(ended.stdout.splitlines()[-1])
    outputs = np.load(folder / "outputs.npy")
    answers = outputs.argmax(axis=1)
    file = model_file.read(path)
    content = model_file.content(file)
    version = runtime["version"]
    kind = precision(file)
    # What is said against a result names its file, and all are called model-int8.tflite.
    named = folder / f"{rung.name} {kind}, {BACKENDS[backend][0]}"
    named.symlink_to(path.resolve())
    subject = Subject(named, kind, len(content), sha256(content), 1, backend, version, answers)
    proof, as_proved = _proof(file.description or {}, backend, answers)
    return Answered(rung, subject, float(np.mean(answers == labels)), count_ties(outputs), proof, as_proved)


def _proof(description: dict[str, Any], backend: str, answers: NDArray[np.intp]) -> tuple[dict[str, Any] | None, bool]:
    """The proof in the file that speaks for these answers, and whether they are the very ones that were proved.

    That is a proof of the same answers, else one on the same runtime, else any.
    """
    digest, proofs = answers_digest(answers), description.get("proofs", [])
    same = [proof for proof in proofs if proof.get("answers_sha256") == digest]
    here = [proof for proof in proofs if proof.get("runtime") == backend]
    return next(iter([*same, *here, *proofs]), None), bool(same)


def _result(one: Answered, timed: dict[str, Any]) -> dict[str, Any]:
    proof = one.proof or {}
    kept = ("precision", "bytes", "sha256", "runtime", "version", "invoke_us")
    return {
        "name": one.rung.name,
        **{key: timed[key] for key in kept},
        "accuracy": one.accuracy,
        "ties": one.ties,
        "keras_accuracy": proof.get("keras_accuracy"),
        "agreement": proof.get("agreement"),
        "as_proved": one.as_proved,
    }


def _model(rung: Rung, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A rung: its parameters, its target, and in which ways it misses it; None where there is no target or no judge."""
    target = rungs.TARGETS.get(rung.name)
    int8 = [one for one in results if (one["name"], one["precision"], one["runtime"]) == (rung.name, "int8", JUDGED)]
    judged = [
        rungs.missed(target, one["bytes"], one["accuracy"], one["keras_accuracy"], one["agreement"])
        for one in int8
        if target
    ]
    first = next(iter(rung.files.values()))
    return {
        "name": rung.name,
        "parameters": rungs.parameters(model_file.read(first).graph),
        "target": asdict(target) if target else None,
        "missed": judged[0] if judged else None,
    }


def _read(path: Path) -> dict[str, Any]:
    """What this command wrote, or benchmarks/results/NAME.json with it inside."""
    try:
        document: Any = json.loads(path.read_bytes())
        document = document.get("parts", {}).get("frontier", {}).get("result", document)
    except (OSError, ValueError, AttributeError) as error:
        raise FmnistError(
            f"{path}: cannot be read ({error}), expected what this command wrote; measure again"
        ) from error
    if document.get("schema") != SCHEMA or "published" not in document:
        raise FmnistError(f"{path}: not what this command writes; measure again")
    return dict(document)


if __name__ == "__main__":
    main()
