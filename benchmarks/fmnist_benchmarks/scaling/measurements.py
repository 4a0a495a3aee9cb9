"""The measurements of scaling: latency by images, model size, threads and processes, each with its limit.

scaling/__main__.py explains the limits. A result is a JSON object; latencies are milliseconds or microseconds by key.
"""

import os
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from fmnist_benchmarks.measure.processes import Worker
from fmnist_benchmarks.measure.worker import CLASSIFY, INVOKE
from fmnist_benchmarks.scaling import roofline
from fmnist_runtime.classifier import Classifier
from fmnist_runtime.commandline import quiet_stderr
from fmnist_runtime.model import model_file

IMAGES = (1, 10, 100, 1000, 10_000, 100_000)
_PROCESS_SECONDS = 1.0


@dataclass(frozen=True)
class Settings:
    """`images` is an .npy file of (N, 28, 28) uint8; each model classifies `rounds` blocks of `block` of them."""

    images: Path
    backend: str
    rounds: int = 5
    block: int = 100


def by_images(model: Path, settings: Settings, most: int) -> list[dict[str, float]]:
    """Milliseconds to classify 1 to `most` images one after the other, and the limit: as many bare invokes."""
    with closing(_worker(model, settings)) as worker:
        invoke = statistics.median(worker.request(f"0 {20 * settings.block}")[INVOKE])
    stack = list(np.load(settings.images))
    results: list[dict[str, float]] = []
    with quiet_stderr():
        classifier = Classifier(model, backend=settings.backend)
    for count in [count for count in IMAGES if count <= most]:
        durations = []
        for _ in range(settings.rounds):
            start = perf_counter_ns()
            for number in range(count):
                classifier.classify(stack[number % len(stack)])
            durations.append(perf_counter_ns() - start)
        results.append({"images": count, "ms": statistics.median(durations) / 1e6, "limit_ms": count * invoke / 1e6})
    return results


def by_size(models: Sequence[Path], settings: Settings) -> list[dict[str, Any]]:
    """The p50 of a bare invoke and of a classify for each of `models`, in turns, and the machine's limit."""
    rate = roofline.multiply_adds_per_second()
    with ExitStack() as stack:
        workers = {path: stack.enter_context(closing(_worker(path, settings))) for path in models}
        samples: dict[Path, list[dict[str, list[int]]]] = {path: [] for path in models}
        for number in range(settings.rounds):
            for path, worker in workers.items():
                samples[path].append(worker.request(_block(number, settings)))
    return [_size_result(path, samples[path], rate) for path in models]


def _size_result(path: Path, samples: Sequence[dict[str, list[int]]], rate: float) -> dict[str, Any]:
    weights = _weight_bytes(path)
    precision = "int8" if "int8" in path.name else "float32"
    count = weights // (1 if precision == "int8" else 4)
    bandwidth = roofline.bytes_per_second(weights)
    compute_seconds = count / rate if precision == "float32" else 0.0
    memory_seconds = weights / bandwidth
    return {
        "model": path.name,
        "precision": precision,
        "bytes": path.stat().st_size,
        "multiply_adds": count,
        "invoke_us": _p50(samples, INVOKE),
        "classify_us": _p50(samples, CLASSIFY),
        "limit_us": max(compute_seconds, memory_seconds) * 1e6,
        "bound_by": "multiply-adds" if compute_seconds > memory_seconds else "memory",
        "multiply_adds_per_second": rate,
        "bytes_per_second": bandwidth,
    }


def by_threads(models: Sequence[Path], settings: Settings, most: int) -> list[dict[str, Any]]:
    """The p50 of a bare invoke of each of `models` with 1 to `most` threads."""
    results = []
    for path in models:
        one_thread = None
        for threads in range(1, most + 1):
            with closing(_worker(path, settings, threads)) as worker:
                p50 = _p50([worker.request(_block(number, settings)) for number in range(settings.rounds)], INVOKE)
            one_thread = one_thread or p50
            limit = one_thread / min(threads, os.cpu_count() or 1)
            results.append({"model": path.name, "threads": threads, "invoke_us": p50, "limit_us": limit})
    return results


def by_processes(model: Path, settings: Settings, most: int) -> list[dict[str, float]]:
    """Images a second of 1 to `most` processes that classify side by side."""
    results: list[dict[str, float]] = []
    for count in range(1, most + 1):
        with ExitStack() as stack:
            workers = [stack.enter_context(closing(_worker(model, settings))) for _ in range(count)]
            for worker in workers:
                worker.send(f"classify {_PROCESS_SECONDS}")
            answers = [worker.receive() for worker in workers]
        speed = sum(answer["calls"] / answer["seconds"] for answer in answers)
        one_process = results[0]["images_per_second"] if results else speed
        limit = one_process * min(count, os.cpu_count() or 1)
        results.append({"processes": count, "images_per_second": speed, "limit": limit})
    return results


def _worker(model: Path, settings: Settings, threads: int = 1) -> Worker:
    command = [sys.executable, "-m", "fmnist_benchmarks.measure.worker", str(model), str(settings.images)]
    return Worker(model.name, [*command, settings.backend, str(threads), str(2 * settings.block)])


def _block(number: int, settings: Settings) -> str:
    """The request of block `number`, for measure/worker.py."""
    return f"{number * settings.block} {settings.block}"


def _p50(blocks: Sequence[dict[str, list[int]]], kind: str) -> float:
    return statistics.median([sample for block in blocks for sample in block[kind]]) / 1000


def _weight_bytes(path: Path) -> int:
    """The bytes of the Dense layers' weights, without biases."""
    graph = model_file.read(path).graph
    return sum(
        graph.tensors[operator.inputs[1]].data.length
        for operator in graph.operators
        if operator.name == "FULLY_CONNECTED"
    )
