"""One model on one runtime, measured in a process of its own: fmnist-benchmark starts one in each of its rounds.

    python -m fmnist_benchmarks.measure.worker MODEL IMAGES.npy BACKEND THREADS WARM_UP [LOW HIGH]

LOW and HIGH are the range of pixels of a plain .tflite, where it is stated.

First it prints how long the start took (microseconds): `import_us` for the interpreter's package, `load_us` for reading
the file, building the interpreter and allocating its tensors, `first_us` for the first invoke, `ready_us` for a whole
Classifier with its checks. Then it answers "FIRST COUNT" with the nanoseconds of each of COUNT images, and "classify
SECONDS" with how many images it classified in that time.
"""

import importlib
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.measure import latency
from fmnist_runtime.classifier import Classifier
from fmnist_runtime.inference import interpreters
from fmnist_runtime.model import model_file

INVOKE, CLASSIFY, INPUT, INSIDE = "invoke", "classify", "input", "invoke_inside"
_UNCOUNTED = 10
Images = Sequence[NDArray[np.uint8]]


class TimedModel:
    """A model that is opened twice: as a bare interpreter, and as a Classifier, which is what people use.

    `start_steps` holds the microseconds of each step of the start.
    """

    def __init__(self, model: Path, backend: str, threads: int, pixels: tuple[float, float] | None = None) -> None:
        marks = [perf_counter_ns()]
        module = importlib.import_module(f"{interpreters.BACKENDS[backend][1]}.interpreter")
        marks.append(perf_counter_ns())
        file = model_file.read(model)
        flatbuffer = file.flatbuffer
        self._interpreter: Any = module.Interpreter(model_content=flatbuffer, num_threads=threads)
        self._interpreter.allocate_tensors()
        marks.append(perf_counter_ns())
        self._interpreter.invoke()
        marks.append(perf_counter_ns())
        self.classifier = Classifier(model, backend=backend, num_threads=threads, pixels=pixels)
        marks.append(perf_counter_ns())
        names = ("import_us", "load_us", "first_us", "ready_us")
        durations = (later - earlier for earlier, later in itertools.pairwise(marks))
        self.start_steps = {name: nanoseconds / 1000 for name, nanoseconds in zip(names, durations, strict=True)}
        place = file.graph.inputs[0]
        values = self.classifier.stages().input_values
        self._set = _setter(self._interpreter, place, file.graph.tensors[place].shape, values)

    def block(self, images: Images) -> dict[str, list[int]]:
        """The nanoseconds of each of `images` by kind: the bare invoke, the whole classify, and its first two stages.

        What a classify takes beyond these two stages is its output: checking the image, reading, argmax and score.
        The first calls of each kind are not counted: the processor's caches still hold another process's data.
        """
        images = [*images[:_UNCOUNTED], *images]
        _, bare = latency.sample_steps(self._set, self._interpreter.invoke, images)
        classify = latency.sample(self.classifier.classify, images)
        stages = self.classifier.stages()
        written, invoked = latency.sample_steps(stages.write, stages.invoke, images)
        found = {INVOKE: bare, CLASSIFY: classify, INPUT: written, INSIDE: invoked}
        uncounted = min(_UNCOUNTED, len(images) // 2)
        return {kind: samples[uncounted:] for kind, samples in found.items()}

    def classify_for(self, images: Images, seconds: float) -> dict[str, float]:
        """Classify `images` over and over for at least `seconds`: how many calls, and how many seconds they took."""
        started, calls, part = perf_counter_ns(), 0, images[:100]
        end = started + round(seconds * 1e9)
        while perf_counter_ns() < end:
            for image in part:
                self.classifier.classify(image)
            calls += len(part)
        return {"calls": calls, "seconds": (perf_counter_ns() - started) / 1e9}


def main(model: str, images_file: str, backend: str, threads: str, warm_up: str, *ends: str) -> None:
    """Print the start's steps, then answer each line of standard input."""
    stack = list(np.load(images_file))
    timed = TimedModel(Path(model), backend, int(threads), _range(ends))
    timed.block(_part(stack, 0, int(warm_up)))
    _print({**timed.start_steps, "clock_ns": latency.clock_cost()})
    for line in sys.stdin:
        first, count = line.split()
        if first == "classify":
            _print(timed.classify_for(stack, float(count)))
        else:
            _print(timed.block(_part(stack, int(first), int(count))))


def once(model: str, images_file: str, backend: str, threads: str, _warm_up: str, *ends: str) -> None:
    """Classify every image once and end: the process whose peak memory is reported."""
    classifier = Classifier(model, backend=backend, num_threads=int(threads), pixels=_range(ends))
    for image in np.load(images_file):
        classifier.classify(image)


def _range(ends: tuple[str, ...]) -> tuple[float, float] | None:
    return (float(ends[0]), float(ends[1])) if ends else None


def _setter(
    interpreter: Any, place: int, shape: tuple[int, ...], values: NDArray[Any]
) -> Callable[[NDArray[np.uint8]], object]:
    """A function that writes an image into tensor `place` of a bare interpreter.

    `values`, (256,), is the input of each pixel value. The number and shape of the tensor come from the file, because
    the interpreter's own list of inputs fails where a name is not UTF-8.
    """
    return lambda image: interpreter.set_tensor(place, values[image].reshape(shape))


def _part(stack: Images, first: int, count: int) -> Images:
    return [stack[number % len(stack)] for number in range(first, first + count)]


def _print(answer: object) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
