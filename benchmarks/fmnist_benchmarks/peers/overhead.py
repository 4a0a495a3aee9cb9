"""What the classifier costs over the interpreter's own invoke(), beside other ways to run the same model.

    python -m fmnist_benchmarks.peers.overhead MODEL.tflite... --data DIR [--backend B]... [--rounds N] [--json]

Each way runs in a process of its own, with one thread, on the same 10,000 different images, in interleaved rounds. The
last two columns compare a round with the same round of `bare`, so that they hold on a machine whose speed changes.
"""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from fmnist_benchmarks.measure import latency, machine
from fmnist_benchmarks.measure.processes import Worker, contender
from fmnist_benchmarks.peers.runners import BARE
from fmnist_runtime.commandline import FILE, Command, print_json, warn
from fmnist_runtime.data.fashion_mnist_files import DEBIAN_FOLDER, read_test_split
from fmnist_runtime.inference.interpreters import BACKENDS, installed

_WITH_BACKEND = (BARE, "index", "classify", "guide")
_PEERS = ("compiled_model", "onnxruntime", "numpy")


@click.command("fmnist_benchmarks.peers.overhead", cls=Command)
@click.argument("models", nargs=-1, required=True, type=FILE, metavar="MODEL...")
@click.option("--data", type=FILE, default=DEBIAN_FOLDER, show_default=True, help="The folder of the data set.")
@click.option("--backend", "backends", multiple=True, type=click.Choice(list(BACKENDS)), help="[default: all there]")
@click.option("--rounds", type=click.IntRange(min=1), default=40, show_default=True)
@click.option("--block", type=click.IntRange(min=10), default=500, show_default=True, help="Images in a round.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(
    models: tuple[Path, ...], data: Path, backends: tuple[str, ...], rounds: int, block: int, as_json: bool
) -> None:
    """Compare the ways to classify with each of MODELS."""
    facts = machine.describe()
    if not as_json:
        click.echo(machine.title(facts))
    results = []
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as folder:
        images = Path(folder) / "images.npy"
        np.save(images, read_test_split(data).images)
        for model in models:
            found = compare(model, images, backends or installed(), rounds, block)
            results += found
            if not as_json:
                click.echo(f"\n{model.name}, one thread, {rounds} rounds of {block} images\n{_table(found)}")
    if as_json:
        print_json({"machine": facts, "rounds": rounds, "block": block, "results": results}, indent=1)


def compare(model: Path, images: Path, backends: tuple[str, ...], rounds: int, block: int) -> list[dict[str, Any]]:
    """One result for each way and runtime; latencies in microseconds."""
    ways = [(name, backend) for backend in backends for name in _WITH_BACKEND] + [(name, "auto") for name in _PEERS]
    workers: dict[tuple[str, str], Worker] = {}
    try:
        for way in ways:
            worker = contender(way[0], model, images, way[1])
            if worker.missing:
                warn(f"{way[0]} is left out: {worker.missing}; pip install 'fmnist-edge[peers,litert]'")
                worker.close()
            else:
                workers[way] = worker
                worker.block(0, block)  # warm-up
        samples: dict[tuple[str, str], list[list[int]]] = {way: [] for way in workers}
        for number in range(rounds):
            for way, worker in workers.items():
                samples[way].append(worker.block(number * block, block))
    finally:
        for worker in workers.values():
            worker.close()
    return [_result(model, way, samples, backends) for way in samples]


def _result(
    model: Path, way: tuple[str, str], samples: dict[tuple[str, str], list[list[int]]], backends: tuple[str, ...]
) -> dict[str, Any]:
    rounds = samples[way]
    result: dict[str, Any] = {
        "model": model.name,
        "way": way[0],
        "runtime": way[1] if way[1] in BACKENDS else None,
        "us": asdict(latency.latency([sample for block in rounds for sample in block])),
    }
    for backend in backends:
        if way[1] in ("auto", backend):
            bare, classify_ = samples[BARE, backend], samples["classify", backend]
            result[f"over_bare_{backend}"] = latency.excess(rounds, bare)
            result[f"times_classify_{backend}"] = latency.ratio(rounds, classify_)
            result[f"times_index_{backend}"] = latency.ratio(rounds, samples["index", backend])
    return result


def _table(results: list[dict[str, Any]]) -> str:
    lines = [f"{'way':<16}{'runtime':<16}{'p50 us':>8}{'p99 us':>9}   over bare invoke, times index, times classify"]
    for result in results:
        compared = [
            f"{result[f'over_bare_{backend}']:+.2f} us, {result[f'times_index_{backend}']:.2f}, "
            f"{result[f'times_classify_{backend}']:.2f}" + ("" if result["runtime"] else f" ({backend})")
            for backend in BACKENDS
            if f"over_bare_{backend}" in result
        ]
        quantiles = result["us"]
        lines.append(
            f"{result['way']:<16}{result['runtime'] or '':<16}{quantiles['p50']:>8.2f}{quantiles['p99']:>9.2f}   "
            + "; ".join(compared)
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
