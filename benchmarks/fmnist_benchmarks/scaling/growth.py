"""How latency grows with images, model size, threads and processes, with the limit of each.

    python -m fmnist_benchmarks.scaling.growth [--backend B] [--plot FILE.png] [--json]

Needs tensorflow once, in a process of its own, for the family of models (fmnist_benchmarks.scaling.family). Limits:

    images      the time of as many bare invokes
    model size  the longer of two: multiply-adds at the rate that this machine reaches in a matrix product of float32,
                and the weights' bytes at the bandwidth that it reaches in reading as many (scaling/limits.py);
                for int8 the latter alone, because numpy has no such product of int8
    threads     the time with one thread, divided by the threads, as far as there are cores
    processes   the images a second of one process, times the processes, as far as there are cores
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import click
import numpy as np

from fmnist_benchmarks.measure import machine
from fmnist_benchmarks.measure.processes import Worker
from fmnist_benchmarks.measure.worker import CLASSIFY, INVOKE
from fmnist_benchmarks.scaling import limits
from fmnist_runtime.classifier import Classifier
from fmnist_runtime.commandline import FILE, Command, print_json, quiet_stderr, warn
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference.interpreters import BACKENDS, installed
from fmnist_runtime.model.golden import read
from fmnist_runtime.model.model_file import read as read_model
from fmnist_runtime.model.shipped import golden_path, model_path

IMAGES = (1, 10, 100, 1000, 10_000, 100_000)
# Units of the hidden layer: 784 h + 10 h weights and biases, 10 KB to 10 MB as float32.
HIDDEN = (3, 10, 32, 128, 384, 1024, 3200)
# Threads of an interpreter, and processes side by side: from 1 to this many.
MOST = 4
_ROUNDS = 5
_PROCESS_SECONDS = 1.0


@click.command("fmnist_benchmarks.scaling.growth", cls=Command)
@click.option("--backend", type=click.Choice(list(BACKENDS)), help="[default: the first that is installed]")
@click.option("--most-images", type=click.IntRange(min=1), default=IMAGES[-1], show_default=True)
@click.option("--hidden", default=",".join(map(str, HIDDEN)), show_default=True, help="The family, by hidden units.")
@click.option("--most-threads", type=click.IntRange(min=1), default=MOST, show_default=True, help="Processes, too.")
@click.option("--plot", type=FILE, metavar="FILE.png", help="Draw the four figures.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(
    backend: str | None, most_images: int, hidden: str, most_threads: int, plot: Path | None, as_json: bool
) -> None:
    """Measure how the time grows with images, model size, threads and processes."""
    chosen = backend or installed()[0]
    units = [int(number) for number in hidden.split(",") if number.strip().isdigit()]
    if not units:
        raise click.BadParameter(f"{hidden!r}, expected numbers such as 3,128", param_hint="'--hidden'")
    facts = machine.describe()
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as folder:
        images = Path(folder) / "images.npy"
        np.save(images, read(golden_path()).images)
        family = make_family(Path(folder), units)
        document = {
            "machine": facts,
            "backend": chosen,
            "images": by_images(model_path(None), images, chosen, most_images),
            "sizes": by_size(family, images, chosen),
            "threads": by_threads(family[len(units) - 1], images, chosen, most_threads),
            "processes": by_processes(model_path(None), images, chosen, most_threads),
        }
    if plot:
        _draw(document, plot)
    if as_json:
        print_json(document, indent=1)
    else:
        click.echo(f"{machine.title(facts)}\n{_text(document)}")


def by_images(model: Path, images: Path, backend: str, most: int) -> list[dict[str, float]]:
    """Milliseconds to classify 1 to `most` images one after the other, and the limit: as many bare invokes."""
    with closing(_worker(model, images, backend, 1)) as worker:
        invoke = statistics.median(worker.ask("0 2000")[INVOKE])
    stack = list(np.load(images))
    found = []
    with quiet_stderr():
        classifier = Classifier(model, backend=backend)
    for count in [count for count in IMAGES if count <= most]:
        took = []
        for _ in range(_ROUNDS):
            start = perf_counter_ns()
            for number in range(count):
                classifier.classify(stack[number % len(stack)])
            took.append(perf_counter_ns() - start)
        found.append({"images": count, "ms": statistics.median(took) / 1e6, "limit_ms": count * invoke / 1e6})
    return found


def by_size(family: Sequence[Path], images: Path, backend: str) -> list[dict[str, Any]]:
    """The p50 of a bare invoke and of a classify for each model of `family`, in turns, and the machine's limit."""
    rate = limits.multiply_adds_per_second()
    with ExitStack() as stack:
        workers = {path: stack.enter_context(closing(_worker(path, images, backend, 1))) for path in family}
        answers: dict[Path, list[dict[str, list[int]]]] = {path: [] for path in family}
        for number in range(_ROUNDS):
            for path, worker in workers.items():
                answers[path].append(worker.ask(f"{number * 100} 100"))
    found = []
    for path in family:
        weights = _weight_bytes(path)
        precision = "int8" if "int8" in path.name else "float32"
        count = weights // (1 if precision == "int8" else 4)
        computing = count / rate if precision == "float32" else 0.0
        bandwidth = limits.bytes_per_second(weights)
        invoke, classify = (_p50(answers[path], kind) for kind in (INVOKE, CLASSIFY))
        found.append(
            {
                "model": path.name,
                "precision": precision,
                "bytes": path.stat().st_size,
                "multiply_adds": count,
                "invoke_us": invoke,
                "classify_us": classify,
                "limit_us": max(computing, weights / bandwidth) * 1e6,
                "bound_by": "multiply-adds" if computing > weights / bandwidth else "memory",
                "multiply_adds_per_second": rate,
                "bytes_per_second": bandwidth,
            }
        )
    return found


def by_threads(large: Path, images: Path, backend: str, most: int = MOST) -> list[dict[str, Any]]:
    """The p50 of a bare invoke with 1 to `most` threads, of the shipped model and of a `large` one."""
    found = []
    for path in (model_path(None), large):
        alone = None
        for threads in range(1, most + 1):
            with closing(_worker(path, images, backend, threads)) as worker:
                p50 = _p50([worker.ask(f"{number * 100} 100") for number in range(_ROUNDS)], INVOKE)
            alone = alone or p50
            limit = alone / min(threads, os.cpu_count() or 1)
            found.append({"model": path.name, "threads": threads, "invoke_us": p50, "limit_us": limit})
    return found


def by_processes(model: Path, images: Path, backend: str, most: int = MOST) -> list[dict[str, float]]:
    """Images a second of 1 to `most` processes that classify side by side."""
    found: list[dict[str, float]] = []
    for count in range(1, most + 1):
        with ExitStack() as stack:
            workers = [stack.enter_context(closing(_worker(model, images, backend, 1))) for _ in range(count)]
            for worker in workers:
                worker.tell(f"classify {_PROCESS_SECONDS}")
            answers = [worker.hear() for worker in workers]
        speed = sum(answer["calls"] / answer["seconds"] for answer in answers)
        alone = found[0]["images_per_second"] if found else speed
        limit = alone * min(count, os.cpu_count() or 1)
        found.append({"processes": count, "images_per_second": speed, "limit": limit})
    return found


def make_family(folder: Path, hidden: Sequence[int]) -> list[Path]:
    """MLPs of random weights with `hidden` units, float32 and then int8. Raises FmnistError without tensorflow."""
    warn("making the family of models with tensorflow")
    command = [sys.executable, "-m", "fmnist_benchmarks.scaling.family", str(folder), *map(str, hidden)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    if child.returncode != 0:
        words = (child.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise FmnistError(f"the family of models cannot be made ({words}); it needs pip install 'fmnist-edge[train]'")
    return [Path(path) for path in json.loads(child.stdout.splitlines()[-1])]


def _worker(model: Path, images: Path, backend: str, threads: int) -> Worker:
    command = [sys.executable, "-m", "fmnist_benchmarks.measure.worker", str(model), str(images), backend]
    return Worker(model.name, [*command, str(threads), "200"])


def _p50(answers: Sequence[dict[str, list[int]]], kind: str) -> float:
    return statistics.median([sample for answer in answers for sample in answer[kind]]) / 1000


def _weight_bytes(path: Path) -> int:
    """The bytes of the Dense layers' weights, biases left out."""
    graph = read_model(path).graph
    return sum(
        graph.tensors[operator.inputs[1]].data.length
        for operator in graph.operators
        if operator.name == "FULLY_CONNECTED"
    )


def _text(document: dict[str, Any]) -> str:
    lines = [f"on {document['backend']}, one image at a time", f"{'images':>10}{'ms':>12}{'limit ms':>12}"]
    lines += [f"{one['images']:>10,}{one['ms']:>12.3f}{one['limit_ms']:>12.3f}" for one in document["images"]]
    lines.append(f"{'bytes':>12} {'precision':<10}{'invoke us':>12}{'classify us':>12}{'limit us':>12}  bound by")
    lines += [
        f"{one['bytes']:>12,} {one['precision']:<10}{one['invoke_us']:>12.2f}{one['classify_us']:>12.2f}"
        f"{one['limit_us']:>12.2f}  {one['bound_by']}"
        for one in document["sizes"]
    ]
    lines.append(f"{'threads':>10}{'invoke us':>12}{'limit us':>12}  model")
    lines += [
        f"{one['threads']:>10}{one['invoke_us']:>12.2f}{one['limit_us']:>12.2f}  {one['model']}"
        for one in document["threads"]
    ]
    lines.append(f"{'processes':>10}{'images/s':>12}{'limit':>12}")
    lines += [
        f"{one['processes']:>10}{one['images_per_second']:>12,.0f}{one['limit']:>12,.0f}"
        for one in document["processes"]
    ]
    return "\n".join(lines)


def _draw(document: dict[str, Any], path: Path) -> None:
    from fmnist_benchmarks.output import plotting

    figure, ((images, sizes), (threads, processes)) = plotting.pyplot().subplots(
        2, 2, figsize=(10, 7.4), layout="constrained"
    )
    _lines(images, document["images"], "images", "ms", "limit_ms", "C0", "classify")
    images.set(xscale="log", yscale="log", xlabel="images, one after the other (log)", ylabel="ms (log)")
    for number, precision in enumerate(("float32", "int8")):
        part = [one for one in document["sizes"] if one["precision"] == precision]
        if part:
            _lines(sizes, part, "bytes", "invoke_us", "limit_us", f"C{number}", precision)
    sizes.set(xscale="log", yscale="log", xlabel="bytes of the model (log)", ylabel="bare invoke, µs (log)")
    for number, model in enumerate(dict.fromkeys(one["model"] for one in document["threads"])):
        part = [one for one in document["threads"] if one["model"] == model]
        _lines(threads, part, "threads", "invoke_us", "limit_us", f"C{number}", model)
    threads.set(
        yscale="log",
        xlabel="threads of one interpreter",
        ylabel="bare invoke, µs (log)",
        xticks=_counts(document["threads"], "threads"),
    )
    _lines(processes, document["processes"], "processes", "images_per_second", "limit", "C0", "classify")
    processes.set(
        xlabel="processes side by side",
        ylabel="images a second",
        xticks=_counts(document["processes"], "processes"),
        ylim=(0, None),
    )
    for axes in (images, sizes, threads, processes):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.suptitle(plotting.title(document["machine"], f"on {document['backend']}; dashed: the limit"), fontsize=8)
    plotting.save(path, figure)


def _counts(part: list[dict[str, Any]], key: str) -> list[int]:
    return sorted({one[key] for one in part})


def _lines(axes: Any, part: list[dict[str, Any]], x: str, y: str, limit: str, colour: str, label: str) -> None:
    across = [one[x] for one in part]
    axes.plot(across, [one[y] for one in part], "o-", color=colour, label=label, markersize=4)
    axes.plot(across, [one[limit] for one in part], "--", color=colour, alpha=0.7)


if __name__ == "__main__":
    main()
