"""The usual ways to run the same model from Python, side by side with fmnist-edge.

    python -m fmnist_benchmarks.peers FOLDER [--data DIR] [--rounds N] [--plot FILE.png] [--json]

FOLDER holds model.keras, model-float32.tflite and model-int8.tflite, as fmnist-train and fmnist-export write them. Each
implementation runs in a process of its own, with one thread, and gives the class of one (28, 28) uint8 image. All take
turns at blocks of the same images. A ratio is the median over rounds of a block's median against the same round of
`classifier.index` of the same precision (and runtime, where there is one). `make peers` makes the environment.
"""

import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from fmnist_benchmarks.measure import machine
from fmnist_benchmarks.peers import implementations
from fmnist_benchmarks.peers.implementations import FLOAT32, INT8, KERAS, REFERENCE
from fmnist_runtime.commandline import FILE, Command, print_json
from fmnist_runtime.data.fashion_mnist_files import DEBIAN_FOLDER, read_test_split
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference.interpreters import BACKENDS, installed_backends


@click.command("fmnist_benchmarks.peers", cls=Command)
@click.argument("folder", type=FILE)
@click.option("--data", type=FILE, default=DEBIAN_FOLDER, show_default=True, help="The folder of the data set.")
@click.option("--rounds", type=click.IntRange(min=1), default=40, show_default=True)
@click.option("--only", multiple=True, metavar="NAME", help="Only these calls, such as predict; index is always run.")
@click.option("--plot", type=FILE, metavar="FILE.png", help="Draw the latencies.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(folder: Path, data: Path, rounds: int, only: tuple[str, ...], plot: Path | None, as_json: bool) -> None:
    """Compare the latency of the usual ways to run the model in FOLDER."""
    for name in (KERAS, FLOAT32, INT8):
        if not (folder / name).is_file():
            raise FmnistError(f"{folder}: no {name}, expected what fmnist-train and fmnist-export --quantize write")
    facts = machine.describe()
    every = implementations.implementations(installed_backends())
    chosen = [one for one in every if not only or one.name in (*only, REFERENCE)]
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as temporary:
        images = Path(temporary) / "images.npy"
        np.save(images, read_test_split(data).images)
        results, left_out = implementations.compare(folder, images, chosen, rounds)
    left_out.append({"title": "the C library's own loop", "reason": _no_c_loop()})
    document = {"machine": facts, "rounds": rounds, "results": results, "left_out": left_out}
    if plot:
        _draw(results, plot, facts)
    if as_json:
        print_json(document, indent=1)
        return
    click.echo(f"{machine.title(facts)}\n{_table(results)}")
    for entry in left_out:
        click.echo(f"left out: {entry['title']}: {entry['reason']}")


def _no_c_loop() -> str:
    """Why there is no loop in C: whether the libraries of the interpreters export a C interface at all."""
    import ctypes
    import importlib.util

    libraries = []
    for _, package in BACKENDS.values():
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        for library in sorted(Path(spec.origin).parent.glob("*interpreter_wrapper*.so")):
            if hasattr(ctypes.CDLL(str(library)), "TfLiteInterpreterInvoke"):
                return f"{library.name} exports TfLiteInterpreterInvoke, but no loop is written for it yet"
            libraries.append(f"{package}/{library.name}")
    return (
        f"{' and '.join(libraries)} don't export TfLiteInterpreterInvoke; LiteRT's libLiteRt.so exports the C "
        f"interface of CompiledModel, which is measured through Python: the wheel has no headers for it"
    )


def _table(results: list[dict[str, Any]]) -> str:
    header = f"{'call':<22}{'weights':<9}{'runtime':<16}{'p50 us':>10}{'p99 us':>10}"
    lines = [f"{header}   times index (95 %)   agreement  settings"]
    for result in results:
        times, runtime = result["times_ours"], result["backend"] if result["backend"] in BACKENDS else ""
        agreement = "" if result["agreement"] is None else f"{result['agreement']:.3f}"
        interval = f"{times['middle']:.2f} ({times['low']:.2f} to {times['high']:.2f})"
        lines.append(
            f"{result['title']:<22}{result['precision']:<9}{runtime:<16}{result['us']['p50']:>10.2f}"
            f"{result['us']['p99']:>10.2f}   {interval:<20}{agreement:>9}  {result['settings']}"
        )
    return "\n".join(lines)


def _draw(results: list[dict[str, Any]], path: Path, facts: dict[str, Any]) -> None:
    from fmnist_benchmarks.output import plotting

    ordered = sorted(results, key=lambda result: -float(result["us"]["p50"]))
    labels = [_label(result) for result in ordered]
    figure, axes = plotting.pyplot().subplots(figsize=(9, 0.32 * len(ordered) + 1.4), layout="constrained")
    colours = [
        "C2" if result["name"] in (REFERENCE, "classify") else "0.8" if result["name"] == "bare" else "C0"
        for result in ordered
    ]
    medians = [result["us"]["p50"] for result in ordered]
    axes.barh(labels, medians, color=colours)
    axes.set(xscale="log", xlabel="p50 of one image, µs (log); green: fmnist-edge, grey: the interpreter alone")
    for place, median in enumerate(medians):
        axes.text(median, place, f" {median:,.1f}", va="center", fontsize=8)
    axes.margins(x=0.15)
    figure.suptitle(plotting.title(facts), fontsize=7)
    plotting.save(path, figure)


def _label(result: dict[str, Any]) -> str:
    runtime = f", {BACKENDS[result['backend']][0]}" if result["backend"] in BACKENDS else ""
    return f"{result['title']} ({result['precision']}{runtime})"


if __name__ == "__main__":
    main()
