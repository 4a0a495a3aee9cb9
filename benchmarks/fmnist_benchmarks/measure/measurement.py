"""A whole measurement as fmnist-benchmark prints it with --json: the machine, the settings, a result for each subject.

The keys of a result are relied upon by others: docs and baselines (output/comparison.py).
"""

import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.measure import conditions, energy, intervals, latency, machine, rounds
from fmnist_benchmarks.measure.rounds import Progress, Samples, Settings
from fmnist_benchmarks.measure.subject import Subject
from fmnist_benchmarks.measure.worker import CLASSIFY, INPUT, INSIDE, INVOKE

SCHEMA = 1
_STEPS = ("import_us", "load_us", "first_us", "ready_us")
_QUANTILES = ("p50", "p90", "p99")


class Measurement(NamedTuple):
    """The JSON document, without the source of the images, and the samples that it was computed from."""

    document: dict[str, Any]
    samples: dict[Subject, Samples]


def measure(
    subjects: Sequence[Subject],
    images: NDArray[np.uint8],
    settings: Settings,
    progress: Callable[[Progress], object],
) -> Measurement:
    """Measure `subjects` on `images`, (N, 28, 28), one image at a time, in turns.

    Ctrl-C ends it early: the document then has `interrupted` true and the results of the rounds that were finished.
    Raises Interruption where no round was finished.
    """
    facts = machine.describe()
    counter, energy_source = energy.find_counter()
    before = conditions.read()
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as folder:
        file = Path(folder) / "images.npy"
        np.save(file, images)
        samples, interrupted = rounds.run(subjects, file, settings, counter, progress)
    after = conditions.read()
    clock = statistics.median(process.start["clock_ns"] for one in samples for process in one.processes)
    results = [_result(subject, one) for subject, one in zip(subjects, samples, strict=True)]
    warnings = conditions.warnings(before, after, max(subject.threads for subject in subjects), facts["cores"])
    warnings += [words for result in results for words in conditions.result_warnings(result, clock)]
    document = {
        "schema": SCHEMA,
        "interrupted": interrupted,
        "machine": {
            **facts,
            "clock_ns": clock,
            "before": before.as_json(),
            "after": after.as_json(),
            "other_cores": conditions.other_cores(before, after),
            "energy": energy_source,
        },
        "settings": asdict(settings),
        "rounds": len(samples[0].processes),
        "results": results,
        "warnings": list(dict.fromkeys(warnings)),
    }
    return Measurement(document, dict(zip(subjects, samples, strict=True)))


def _result(subject: Subject, samples: Samples) -> dict[str, Any]:
    """One entry of the document's results; times in microseconds where the key ends with _us."""
    classify, invoke = samples.all(CLASSIFY), samples.all(INVOKE)
    input_p50, inside_p50 = (latency.summarize(samples.all(kind)).p50 for kind in (INPUT, INSIDE))
    classify_us = _statistics(classify)
    processes = _by_process(samples)
    return {
        "model": subject.model.name,
        "bytes": subject.bytes,
        "sha256": subject.sha256,
        "precision": subject.precision,
        "runtime": subject.backend,
        "version": subject.version,
        "threads": subject.threads,
        **{step: statistics.median(processes[step]) for step in _STEPS},
        "invoke_us": _statistics(invoke),
        "classify_us": classify_us,
        "stages_us": {
            "input": input_p50,
            "invoke": inside_p50,
            "output": classify_us["p50"] - input_p50 - inside_p50,
        },
        "images_per_second": len(classify) / sum(classify) * 1e9,
        "peak_rss_kib": round(statistics.median(process.peak_kib for process in samples.processes)),
        "energy": samples.energy,
        "runs": len(classify),
        "processes": processes,
    }


def _statistics(samples: list[int]) -> dict[str, float]:
    figures: dict[str, float] = asdict(latency.summarize(samples))
    del figures["calls"]
    return {**figures, "drift": intervals.drift(samples)}


def _by_process(samples: Samples) -> dict[str, list[float]]:
    """Each figure that two runs are compared by: one value for each process."""
    values: dict[str, list[float]] = {step: [process.start[step] for process in samples.processes] for step in _STEPS}
    for name, kind in (("invoke_us", INVOKE), ("classify_us", CLASSIFY)):
        summaries = [asdict(latency.summarize(process.nanoseconds[kind])) for process in samples.processes]
        values |= {f"{name}.{quantile}": [one[quantile] for one in summaries] for quantile in _QUANTILES}
    return {**values, "peak_rss_kib": [float(process.peak_kib) for process in samples.processes]}
