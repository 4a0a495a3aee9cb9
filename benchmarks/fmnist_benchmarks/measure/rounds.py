"""The rounds of fmnist-benchmark: models on threads, each in fresh processes, all of them in turns.

A round starts one process for each subject (a model with a number of threads). The processes warm up, then take turns
at blocks of images; the next round starts new ones, another subject first. Two processes on the same file differ more
(by where their memory lies) than the calls within one, so each process's samples are kept apart, and two runs are
compared by their processes.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fmnist_benchmarks.measure import energy
from fmnist_benchmarks.measure.processes import Worker, run_once
from fmnist_benchmarks.measure.subject import Subject
from fmnist_runtime.errors import Interruption
from fmnist_runtime.inference import interpreters
from fmnist_runtime.system import child

_BLOCK = 50
_ONCE = "import sys; from fmnist_benchmarks.measure.worker import once; once(*sys.argv[1:])"
ENERGY_SECONDS = 2.0
_SENSOR_SECONDS = 0.05


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


@dataclass(frozen=True)
class ProcessSamples:
    """What one process of a subject measured.

    `start` holds the microseconds of each step of its start and the nanoseconds of a clock reading (`clock_ns`),
    `nanoseconds` the time of each call by kind (measure/worker.py), in the order of time, `peak_kib` the peak resident
    memory of another process that classified every image once.
    """

    start: dict[str, float]
    nanoseconds: dict[str, list[int]]
    peak_kib: int


@dataclass(frozen=True)
class Samples:
    """What the processes of a subject measured, in the order of time; `energy` where the machine has a counter."""

    processes: tuple[ProcessSamples, ...] = ()
    energy: dict[str, float] | None = None

    def all(self, kind: str) -> list[int]:
        """The nanoseconds of every call of `kind`, in the order of time."""
        return [sample for process in self.processes for sample in process.nanoseconds[kind]]


@dataclass(frozen=True)
class Progress:
    """How far the rounds are: the round that runs, from 1 to `rounds`, and the share of all work done, 0 to 1."""

    round: int
    rounds: int
    share: float


def run(
    subjects: Sequence[Subject],
    images: Path,
    settings: Settings,
    counter: energy.Counter | None,
    progress: Callable[[Progress], object],
) -> tuple[list[Samples], bool]:
    """Measure `subjects` on `images`, (N, 28, 28) uint8 as .npy: the samples of each, and whether Ctrl-C cut it short.

    After Ctrl-C the samples are those of the rounds that were finished; before the end of the first, Interruption is
    raised.
    """
    samples = [Samples() for _ in subjects]
    try:
        for number in range(settings.processes):
            new = _round(subjects, images, settings, number, progress)
            samples = [
                replace(one, processes=(*one.processes, process)) for one, process in zip(samples, new, strict=True)
            ]
        if counter:
            samples = [
                replace(one, energy=measure_energy(subject, images, settings, counter))
                for subject, one in zip(subjects, samples, strict=True)
            ]
    except KeyboardInterrupt as error:
        if not samples[0].processes:
            raise Interruption("interrupted before the first round was finished; there are no results") from error
        return samples, True
    return samples, False


def measure_energy(subject: Subject, images: Path, settings: Settings, counter: energy.Counter) -> dict[str, float]:
    """Microjoules of an image and watts, classifying back to back; what the machine takes at rest is included."""
    with contextlib.closing(_worker(subject, images, settings)) as worker:
        meter = energy.Meter(counter)
        worker.send(f"classify {ENERGY_SECONDS}")
        while worker.is_busy(_SENSOR_SECONDS):
            meter.update()
        joules, answer = meter.update(), worker.receive()
    return {"microjoules": joules / answer["calls"] * 1e6, "watts": joules / answer["seconds"]}


def _round(
    subjects: Sequence[Subject],
    images: Path,
    settings: Settings,
    number: int,
    progress: Callable[[Progress], object],
) -> list[ProcessSamples]:
    """Run one fresh process for each of `subjects`, in turns; the samples in the order of `subjects`."""
    first = settings.runs * number // settings.processes
    end = settings.runs * (number + 1) // settings.processes
    order = [(number + place) % len(subjects) for place in range(len(subjects))]
    blocks: list[list[dict[str, list[int]]]] = [[] for _ in subjects]
    with contextlib.ExitStack() as stack:
        workers = {}
        for place in order:
            workers[place] = stack.enter_context(contextlib.closing(_worker(subjects[place], images, settings)))
        for start in range(first, end, _BLOCK):
            done = (start - first) / (end - first)
            progress(Progress(number + 1, settings.processes, (number + done) / settings.processes))
            for place in order:
                blocks[place].append(workers[place].request(f"{start} {min(_BLOCK, end - start)}"))
    peaks = [_peak_kib(subject, images, settings) for subject in subjects]
    return [
        ProcessSamples(workers[place].greeting, _joined(blocks[place]), peaks[place]) for place in range(len(subjects))
    ]


def _joined(blocks: Sequence[dict[str, list[int]]]) -> dict[str, list[int]]:
    return {kind: [sample for block in blocks for sample in block[kind]] for kind in blocks[0]}


def _worker(subject: Subject, images: Path, settings: Settings) -> Worker:
    command = [
        *child.python_command(),
        "-m",
        "fmnist_benchmarks.measure.worker",
        *_arguments(subject, images, settings),
    ]
    return Worker(subject.title, command)


def _peak_kib(subject: Subject, images: Path, settings: Settings) -> int:
    return run_once([*child.python_command(), "-c", _ONCE, *_arguments(subject, images, settings)]).peak_kib


def _arguments(subject: Subject, images: Path, settings: Settings) -> list[str]:
    """The arguments of the functions of fmnist_benchmarks.measure.worker."""
    words = [str(subject.model), str(images), subject.backend, str(subject.threads), str(settings.warm_up)]
    return [*words, *map(repr, settings.pixels or ())]
