"""What the classifier costs over the interpreter's own invoke(), next to other calls with the same model.

    python -m fmnist_benchmarks.peers.overhead MODEL.tflite... --data DIR [--backend B]... [--rounds N] [--json]

Each call runs in a process of its own, with one thread, on the same 10,000 images, in interleaved rounds. A round is
compared with the same round of another call, so that the result holds on a machine whose speed changes.
"""

import contextlib
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from fmnist_benchmarks.measure import latency, machine
from fmnist_benchmarks.measure.processes import Worker
from fmnist_benchmarks.peers import calls
from fmnist_benchmarks.peers.calls import BARE
from fmnist_runtime.commandline import FILE, Command, print_json, warn
from fmnist_runtime.data.fashion_mnist_files import DEBIAN_FOLDER, read_test_split
from fmnist_runtime.inference.interpreters import BACKENDS, installed_backends

_WITH_BACKEND = (BARE, "index", "classify", "guide")
_WITHOUT_BACKEND = ("compiled_model", "onnxruntime", "numpy")


class Key(NamedTuple):
    """A call of peers/calls.py on a runtime, "auto" where it has none."""

    call: str
    backend: str


@click.command("fmnist_benchmarks.peers.overhead", cls=Command)
@click.argument("models", nargs=-1, required=True, type=FILE, metavar="MODEL...")
@click.option("--data", type=FILE, default=DEBIAN_FOLDER, show_default=True, help="The folder of the data set.")
@click.option(
    "--backend", "backends", multiple=True, type=click.Choice(list(BACKENDS)), help="[default: all installed]"
)
@click.option("--rounds", type=click.IntRange(min=1), default=40, show_default=True)
@click.option("--block", type=click.IntRange(min=10), default=500, show_default=True, help="Images in a round.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(
    models: tuple[Path, ...], data: Path, backends: tuple[str, ...], rounds: int, block: int, as_json: bool
) -> None:
    """Compare the calls that classify one image with each of MODELS."""
    facts = machine.describe()
    if not as_json:
        click.echo(machine.title(facts))
    results = []
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as folder:
        images = Path(folder) / "images.npy"
        np.save(images, read_test_split(data).images)
        for model in models:
            found = compare(model, images, backends or installed_backends(), rounds, block)
            results += found
            if not as_json:
                click.echo(f"\n{model.name}, one thread, {rounds} rounds of {block} images\n{_table(found)}")
    if as_json:
        print_json({"machine": facts, "rounds": rounds, "block": block, "results": results}, indent=1)


def compare(model: Path, images: Path, backends: tuple[str, ...], rounds: int, block: int) -> list[dict[str, Any]]:
    """One JSON object for each call and runtime; latencies in microseconds."""
    keys = [Key(name, backend) for backend in backends for name in _WITH_BACKEND]
    keys += [Key(name, "auto") for name in _WITHOUT_BACKEND]
    workers: dict[Key, Worker] = {}
    with contextlib.ExitStack() as stack:
        for key in keys:
            worker = stack.enter_context(contextlib.closing(calls.start(key.call, model, images, key.backend)))
            if worker.unavailable:
                warn(f"{key.call} is left out: {worker.unavailable}; pip install 'fmnist-edge[peers,litert]'")
            else:
                workers[key] = worker
                worker.time_block(0, block)  # warm-up
        samples: dict[Key, list[list[int]]] = {key: [] for key in workers}
        for number in range(rounds):
            for key, worker in workers.items():
                samples[key].append(worker.time_block(number * block, block))
    return [_result(model, key, samples, backends) for key in samples]


def _result(model: Path, key: Key, samples: dict[Key, list[list[int]]], backends: tuple[str, ...]) -> dict[str, Any]:
    rounds = samples[key]
    result: dict[str, Any] = {
        "model": model.name,
        "call": key.call,
        "runtime": key.backend if key.backend in BACKENDS else None,
        "us": asdict(latency.summarize([sample for block in rounds for sample in block])),
    }
    for backend in backends:
        if key.backend in ("auto", backend):
            result[f"over_bare_{backend}"] = latency.p50_difference(rounds, samples[Key(BARE, backend)])
            result[f"times_classify_{backend}"] = latency.p50_ratio(rounds, samples[Key("classify", backend)])
            result[f"times_index_{backend}"] = latency.p50_ratio(rounds, samples[Key("index", backend)])
    return result


def _table(results: list[dict[str, Any]]) -> str:
    lines = [f"{'call':<16}{'runtime':<16}{'p50 us':>8}{'p99 us':>9}   over bare invoke, times index, times classify"]
    for result in results:
        compared = [
            f"{result[f'over_bare_{backend}']:+.2f} us, {result[f'times_index_{backend}']:.2f}, "
            f"{result[f'times_classify_{backend}']:.2f}" + ("" if result["runtime"] else f" ({backend})")
            for backend in BACKENDS
            if f"over_bare_{backend}" in result
        ]
        quantiles = result["us"]
        lines.append(
            f"{result['call']:<16}{result['runtime'] or '':<16}{quantiles['p50']:>8.2f}{quantiles['p99']:>9.2f}   "
            + "; ".join(compared)
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
