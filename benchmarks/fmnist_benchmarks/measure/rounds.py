"""What fmnist-benchmark measures: models on threads, each in fresh processes, all of them in turns.

A round starts one process for each subject (a model with a number of threads), which warm up, then take turns at blocks
of images; the next round starts new ones, another subject first. What differs between two processes on the same file
(where their memory lies) is more than what differs within one, so each round's figures are kept, and are what two runs
are compared by.
"""

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.measure import conditions, energy, intervals, latency, machine
from fmnist_benchmarks.measure.processes import Worker, run_once
from fmnist_benchmarks.measure.worker import CLASSIFY, INPUT, INSIDE, INVOKE
from fmnist_runtime import assumptions
from fmnist_runtime.classifier import Classifier
from fmnist_runtime.images.pixel_range import PixelRange
from fmnist_runtime.inference import interpreters
from fmnist_runtime.model import model_file
from fmnist_runtime.model.model_file import ModelFile
from fmnist_runtime.system import child
from fmnist_runtime.system.digests import sha256

SCHEMA = 1
_BLOCK = 50
_STEPS = ("import_us", "load_us", "first_us", "ready_us")
_QUANTILES = ("p50", "p90", "p99")
_ONCE = "import sys; from fmnist_benchmarks.measure.worker import once; once(*sys.argv[1:])"
_ENERGY_SECONDS = 2.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Settings:
    """`runs` images for each subject, spread over `processes` fresh ones that each warm up on `warm_up` images.

    `pixels` is the range that is stated for plain .tflite files, low and high, if any.
    """

    runs: int = 6000
    processes: int = 6
    warm_up: int = 200
    backend: str = interpreters.AUTO
    threads: tuple[int, ...] = (1,)
    pixels: tuple[float, float] | None = None


# Without eq: two are the same only if they are one, and arrays have no hash.
@dataclass(frozen=True, eq=False)
class Subject:
    """A model with a number of threads on the runtime that it got here, and its answers to the images, (N,).

    `said` are the lines on the range of its pixels, none for a file that states it.
    """

    model: Path
    precision: str
    bytes: int
    sha256: str
    threads: int
    backend: str
    version: str
    answers: NDArray[np.intp]
    said: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Such as "mlp-int8.tflite, 2 threads"."""
        return f"{self.model.name}, {self.threads} thread{'s' * (self.threads > 1)}"


@dataclass
class Samples:
    """What a subject's processes said, in the order of time.

    `blocks` are nanoseconds by kind, `rounds` says of which round each is.
    """

    blocks: list[dict[str, list[int]]] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    starts: list[dict[str, float]] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    energy: dict[str, float] | None = None

    def all(self, kind: str) -> list[int]:
        """The nanoseconds of every call."""
        return [sample for one in self.blocks for sample in one[kind]]

    def of_round(self, kind: str, number: int) -> list[int]:
        """The nanoseconds of every call in a round."""
        pairs = zip(self.blocks, self.rounds, strict=True)
        return [sample for one, of in pairs if of == number for sample in one[kind]]


def examine(
    model: Path, images: NDArray[np.uint8], threads: int, backend: str, pixels: PixelRange | None = None
) -> Subject:
    """Try a model once, here, so that what is wrong with it is said before anything is measured.

    Raises ModelFileError, IncompatibleModelError, RuntimeMissingError or PixelRangeError as Classifier does.
    """
    file = model_file.read(model)
    with Classifier(model, backend=backend, num_threads=threads, pixels=pixels) as classifier:
        answers = classifier.outputs(images).argmax(axis=1)
        runtime = classifier.runtime
        said = tuple(assumptions.pixel_lines(classifier))
    digest = sha256(model_file.content(file))
    size = model.stat().st_size
    return Subject(model, precision(file), size, digest, threads, runtime.name, runtime.version, answers, said)


def precision(file: ModelFile) -> str:
    """What its description says, else the dtype of its largest constant: the weights."""
    if file.description and isinstance(file.description.get("precision"), str):
        return str(file.description["precision"])
    return max(file.graph.tensors, key=lambda tensor: tensor.data.length * tensor.data.size).dtype


def measure(
    subjects: Sequence[Subject], images: NDArray[np.uint8], settings: Settings, progress: Callable[[str], object]
) -> tuple[dict[str, Any], dict[Subject, Samples]]:
    """The document of fmnist-benchmark without the images' source, and what it is made of."""
    facts = machine.describe()
    counter, why = energy.find()
    before = conditions.read()
    found = [Samples() for _ in subjects]
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as folder:
        file = Path(folder) / "images.npy"
        np.save(file, images)
        for number in range(settings.processes):
            progress(f"round {number + 1} of {settings.processes}")
            _round(subjects, found, file, settings, number)
        if counter:
            progress(f"energy: {why}")
            for subject, samples in zip(subjects, found, strict=True):
                samples.energy = measure_energy(subject, file, settings, counter)
    after = conditions.read()
    clock = statistics.median(one["clock_ns"] for samples in found for one in samples.starts)
    results = [_result(subject, samples, settings) for subject, samples in zip(subjects, found, strict=True)]
    warnings = conditions.warnings(before, after, max(subject.threads for subject in subjects), facts["cores"])
    warnings += [words for result in results for words in conditions.result_warnings(result, clock)]
    document = {
        "schema": SCHEMA,
        "machine": {
            **facts,
            "clock_ns": clock,
            "before": before.as_json(),
            "after": after.as_json(),
            "other_cores": conditions.other_cores(before, after),
            "energy": why,
        },
        "settings": asdict(settings),
        "results": results,
        "warnings": list(dict.fromkeys(warnings)),
    }
    return document, dict(zip(subjects, found, strict=True))


def measure_energy(subject: Subject, file: Path, settings: Settings, counter: energy.Counter) -> dict[str, float]:
    """Microjoules of an image and watts, classifying back to back; what the machine takes at rest is not taken off."""
    with contextlib.closing(_worker(subject, file, settings)) as worker:
        meter = energy.Meter(counter)
        worker.tell(f"classify {_ENERGY_SECONDS}")
        while worker.waits(_LOOK_SECONDS):
            meter.look()
        joules, answer = meter.look(), worker.hear()
    return {"microjoules": joules / answer["calls"] * 1e6, "watts": joules / answer["seconds"]}


def _round(subjects: Sequence[Subject], found: list[Samples], file: Path, settings: Settings, number: int) -> None:
    first = settings.runs * number // settings.processes
    end = settings.runs * (number + 1) // settings.processes
    order = [(number + place) % len(subjects) for place in range(len(subjects))]
    with contextlib.ExitStack() as stack:
        workers = {}
        for place in order:
            workers[place] = stack.enter_context(contextlib.closing(_worker(subjects[place], file, settings)))
            found[place].starts.append(workers[place].ready)
        for start in range(first, end, _BLOCK):
            for place in order:
                found[place].rounds.append(number)
                found[place].blocks.append(workers[place].ask(f"{start} {min(_BLOCK, end - start)}"))
    for place in order:
        command = [*child.python_command(), "-c", _ONCE, *_arguments(subjects[place], file, settings)]
        found[place].peaks.append(run_once(command).peak_kib)


def _worker(subject: Subject, file: Path, settings: Settings) -> Worker:
    command = [*child.python_command(), "-m", "fmnist_benchmarks.measure.worker", *_arguments(subject, file, settings)]
    return Worker(subject.title, command)


def _arguments(subject: Subject, file: Path, settings: Settings) -> list[str]:
    """What the functions of fmnist_benchmarks.measure.worker take."""
    words = [str(subject.model), str(file), subject.backend, str(subject.threads), str(settings.warm_up)]
    return [*words, *map(repr, settings.pixels or ())]


def _result(subject: Subject, samples: Samples, settings: Settings) -> dict[str, Any]:
    classify, invoke = samples.all(CLASSIFY), samples.all(INVOKE)
    written, inside = (latency.latency(samples.all(kind)).p50 for kind in (INPUT, INSIDE))
    whole = _figures(classify)
    processes = _of_processes(samples, settings.processes)
    return {
        "model": subject.model.name,
        "bytes": subject.bytes,
        "sha256": subject.sha256,
        "precision": subject.precision,
        "runtime": subject.backend,
        "version": subject.version,
        "threads": subject.threads,
        **{step: statistics.median(processes[step]) for step in _STEPS},
        "invoke_us": _figures(invoke),
        "classify_us": whole,
        "stages_us": {"input": written, "invoke": inside, "output": whole["p50"] - written - inside},
        "images_per_second": len(classify) / sum(classify) * 1e9,
        "peak_rss_kib": round(statistics.median(samples.peaks)),
        "energy": samples.energy,
        "runs": len(classify),
        "processes": processes,
    }


def _figures(samples: list[int]) -> dict[str, float]:
    figures: dict[str, float] = asdict(latency.latency(samples))
    del figures["calls"]
    return {**figures, "drift": intervals.drift(samples)}


def _of_processes(samples: Samples, processes: int) -> dict[str, list[float]]:
    """Each figure that two runs are compared by, once for each process."""
    found: dict[str, list[float]] = {step: [start[step] for start in samples.starts] for step in _STEPS}
    for name, kind in (("invoke_us", INVOKE), ("classify_us", CLASSIFY)):
        rounds = [asdict(latency.latency(samples.of_round(kind, number))) for number in range(processes)]
        found |= {f"{name}.{quantile}": [one[quantile] for one in rounds] for quantile in _QUANTILES}
    return {**found, "peak_rss_kib": [float(peak) for peak in samples.peaks]}
