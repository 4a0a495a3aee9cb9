"""Float32 against int8 on this machine, in one sentence: size, speed, and the answers that differ."""

from collections.abc import Sequence
from typing import Any

from fmnist_benchmarks.measure.intervals import ratio_interval
from fmnist_benchmarks.measure.rounds import Samples
from fmnist_benchmarks.measure.subject import Subject
from fmnist_benchmarks.measure.worker import CLASSIFY
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference.interpreters import BACKENDS

_FLOAT32, _INT8 = "float32", "int8"


def pair(subjects: Sequence[Subject]) -> tuple[Subject, Subject]:
    """The float32 and the int8 one of `subjects`, each with the fewest threads. FmnistError where one is missing."""
    chosen = []
    for precision in (_FLOAT32, _INT8):
        candidates = [subject for subject in subjects if subject.precision.startswith(precision)]
        if not candidates:
            found = ", ".join(f"{subject.model.name} ({subject.precision})" for subject in subjects)
            raise FmnistError(f"--verdict compares a float32 with an int8 model, found {found}; name one of each")
        chosen.append(min(candidates, key=lambda subject: subject.threads))
    return chosen[0], chosen[1]


def sentence(
    subjects: tuple[Subject, Subject], samples: tuple[Samples, Samples], facts: dict[str, Any], images: str
) -> str:
    """The verdict on a float32 and an int8 subject, in this order; `images` names the images of their answers.

    The speed is the ratio of a process's median classify to that of the same round, the median over rounds.
    """
    floats, int8 = subjects
    times = ratio_interval(*([process.nanoseconds[CLASSIFY] for process in one.processes] for one in samples))
    size = floats.bytes / int8.bytes
    smaller = f"{size:.1f} times smaller" if size >= 1 else f"{1 / size:.1f} times larger"
    # Above 1 where int8 takes less time.
    if times.low > 1:
        speed = f"{smaller} and {times.middle:.2f} times faster ({times.low:.2f} to {times.high:.2f}) than float32"
    elif times.high < 1:
        speed = (
            f"{smaller} and {1 / times.middle:.2f} times slower ({1 / times.high:.2f} to {1 / times.low:.2f}) "
            f"than float32"
        )
    else:
        speed = f"{smaller} and as fast as float32"
    differing = int((floats.answers != int8.answers).sum())
    answers = "answer" if differing == 1 else "answers"
    return (
        f"On {facts['board'] or facts['cpu']} with {_runtimes(floats, int8)}, int8 is {speed}, "
        f"and {differing} of {len(floats.answers):,} {answers} differ on {images}."
    )


def _runtimes(floats: Subject, int8: Subject) -> str:
    names = dict.fromkeys(
        f"{BACKENDS[one.backend][0]} {one.version}, {one.threads} thread{'s' * (one.threads > 1)}"
        for one in (floats, int8)
    )
    return " against ".join(names)
