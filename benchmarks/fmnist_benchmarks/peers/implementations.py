"""The implementations that are compared: a call of peers/calls.py on a file, and its measurement in turns."""

import contextlib
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fmnist_benchmarks.measure import intervals, latency
from fmnist_benchmarks.measure.processes import Worker
from fmnist_benchmarks.peers import calls
from fmnist_runtime.commandline import warn

KERAS, FLOAT32, INT8 = "model.keras", "model-float32.tflite", "model-int8.tflite"
# The call that all others are compared with.
REFERENCE = "index"
# The duration of a block, so that slow calls don't stretch a round and fast ones get many samples.
_BLOCK_NANOSECONDS = 20_000_000
_MOST_IN_BLOCK = 1000


@dataclass(frozen=True)
class Implementation:
    """A way to classify with `file`: `name` is the call in peers/calls.py, `settings` how it is set up, in words."""

    name: str
    title: str
    file: str
    backend: str
    settings: str

    @property
    def precision(self) -> str:
        """The precision of the weights."""
        return "int8" if self.file == INT8 else "float32"


class Comparison(NamedTuple):
    """A JSON object for each implementation, latencies in microseconds; and each one left out, with the reason."""

    results: list[dict[str, Any]]
    left_out: list[dict[str, str]]


def implementations(backends: Sequence[str]) -> list[Implementation]:
    """All of them; those of an interpreter once for each of `backends` and precision."""
    found = [
        Implementation("predict", "model.predict", KERAS, "auto", "verbose=0, 1 thread"),
        Implementation("call", "model(x)", KERAS, "auto", "training=False, 1 thread"),
        Implementation("tf_function", "tf.function", KERAS, "auto", "input signature (1, 28, 28), 1 thread"),
        Implementation("onnxruntime", "onnxruntime", FLOAT32, "auto", "CPU provider, 1 thread, opset 17, same weights"),
        Implementation("numpy", "numpy", FLOAT32, "auto", "same weights, no softmax"),
    ]
    for file in (FLOAT32, INT8):
        found.append(
            Implementation("compiled_model", "LiteRT CompiledModel", file, "litert", "CPU, 1 thread, same buffers")
        )
        for backend in backends:
            found += [
                Implementation("guide", "the guides' lines", file, backend, "set_tensor, invoke, get_tensor, 1 thread"),
                Implementation("classify", "fmnist-edge classify", file, backend, "class, label and score, 1 thread"),
                Implementation(REFERENCE, "fmnist-edge index", file, backend, "class only, like the others, 1 thread"),
                Implementation(calls.BARE, "bare invoke", file, backend, "no input and no output: the limit"),
            ]
    return found


def compare(folder: Path, images: Path, chosen: Sequence[Implementation], rounds: int) -> Comparison:
    """Time `chosen` on the files in `folder` and the `images`, (N, 28, 28) uint8 as .npy, in turns over `rounds`."""
    left_out, workers, counts = [], {}, {}
    with contextlib.ExitStack() as stack:
        for one in chosen:
            worker = stack.enter_context(
                contextlib.closing(calls.start(one.name, folder / one.file, images, one.backend))
            )
            if worker.unavailable:
                left_out.append({"title": f"{one.title}, {one.precision}", "reason": worker.unavailable})
                warn(f"{one.title} is left out: {worker.unavailable}; see `make peers`")
                continue
            workers[one], counts[one] = worker, _block_size(worker)
        samples: dict[Implementation, list[list[int]]] = {one: [] for one in workers}
        answers = {one: worker.request("answers 200") for one, worker in workers.items()}
        for number in range(rounds):
            for one, worker in workers.items():
                samples[one].append(worker.time_block(number * counts[one], counts[one]))
    return Comparison([_result(one, samples, answers) for one in samples], left_out)


def _block_size(worker: Worker) -> int:
    """The number of images in a block, estimated in a warm-up."""
    slow = statistics.median(worker.time_block(0, 3)) > _BLOCK_NANOSECONDS / 100
    per_call = statistics.median(worker.time_block(0, 3 if slow else 200))
    return max(3, min(round(_BLOCK_NANOSECONDS / per_call), _MOST_IN_BLOCK))


def _result(
    one: Implementation,
    samples: dict[Implementation, list[list[int]]],
    answers: dict[Implementation, list[int] | None],
) -> dict[str, Any]:
    reference = _reference(one, list(samples))
    times = intervals.ratio_interval(samples[one], samples[reference])
    found, expected = answers[one], answers[reference]
    return {
        **asdict(one),
        "precision": one.precision,
        "us": asdict(latency.summarize([sample for block in samples[one] for sample in block])),
        "times_ours": times._asdict(),
        "ours": reference.backend,
        "agreement": None
        if found is None or expected is None
        else float(np.mean([answer == other for answer, other in zip(found, expected, strict=True)])),
    }


def _reference(one: Implementation, available: Sequence[Implementation]) -> Implementation:
    """The reference of the same precision, on the runtime of `one` or else on the first."""
    references = [other for other in available if other.name == REFERENCE and other.precision == one.precision]
    return next((other for other in references if other.backend == one.backend), references[0])
