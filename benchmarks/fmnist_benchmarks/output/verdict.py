"""Float32 against int8 on this machine, in one sentence: size, speed, and the answers that differ."""

from collections.abc import Sequence
from typing import Any

from fmnist_benchmarks.measure.intervals import ratio_interval
from fmnist_benchmarks.measure.rounds import Samples, Subject
from fmnist_benchmarks.measure.worker import CLASSIFY
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference.interpreters import BACKENDS

_FIRST, _SECOND = "float32", "int8"


def pair(subjects: Sequence[Subject]) -> tuple[Subject, Subject]:
    """The float32 and the int8 among `subjects`, with the fewest threads. FmnistError where one is missing."""
    found = []
    for precision in (_FIRST, _SECOND):
        those = [subject for subject in subjects if subject.precision.startswith(precision)]
        if not those:
            there = ", ".join(f"{subject.model.name} ({subject.precision})" for subject in subjects)
            raise FmnistError(f"--verdict compares a float32 with an int8 model, found {there}; name one of each")
        found.append(min(those, key=lambda subject: subject.threads))
    return found[0], found[1]


def sentence(floats: tuple[Subject, Samples], int8: tuple[Subject, Samples], facts: dict[str, Any], images: str) -> str:
    """The verdict. Speed is the classify of a process against that of the same round, as the medians' ratio."""
    (first, samples), (second, others) = floats, int8
    rounds = sorted(set(samples.rounds))
    # The ratio of times: above 1 where int8 takes less.
    times = ratio_interval(
        [samples.of_round(CLASSIFY, number) for number in rounds],
        [others.of_round(CLASSIFY, number) for number in rounds],
    )
    speed = "as fast"
    if times.low > 1:
        speed = f"{times.middle:.2f} times faster ({times.low:.2f} to {times.high:.2f})"
    elif times.high < 1:
        speed = f"{1 / times.middle:.2f} times slower ({1 / times.high:.2f} to {1 / times.low:.2f})"
    size = first.bytes / second.bytes
    smaller = f"{size:.1f} times smaller" if size >= 1 else f"{1 / size:.1f} times larger"
    differing = int((first.answers != second.answers).sum())
    answers = "answer" if differing == 1 else "answers"
    return (
        f"On {facts['board'] or facts['cpu']} with {_runtimes(first, second)}, int8 is {smaller} and {speed} than "
        f"float32, and {differing} of {len(first.answers):,} {answers} differ on {images}."
    ).replace("as fast than float32", "as fast as float32")


def _runtimes(first: Subject, second: Subject) -> str:
    names = dict.fromkeys(
        f"{BACKENDS[one.backend][0]} {one.version}, {_threads(one.threads)}" for one in (first, second)
    )
    return " against ".join(names)


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"
