"""Every usual way to run the same model from Python, side by side with this one.

    python -m fmnist_benchmarks.peers FOLDER [--data DIR] [--rounds N] [--plot FILE.png] [--json]

FOLDER holds model.keras, model-float32.tflite and model-int8.tflite, as fmnist-train and fmnist-export leave them. Each
peer lives in a process of its own, with one thread, and gives the class of one (28, 28) uint8 image; all take turns at
blocks of the same images, and a ratio is the median over rounds of a block's median against the same round of
`classifier.index` of the same precision (and runtime, where the peer has one). Make the environment with: make peers.
"""

import contextlib
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from fmnist_benchmarks.measure import intervals, latency, machine
from fmnist_benchmarks.measure.processes import Worker, contender
from fmnist_runtime.commandline import FILE, Command, print_json, warn
from fmnist_runtime.data.fashion_mnist_files import DEBIAN_FOLDER, read_test_split
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference.interpreters import BACKENDS, installed

_KERAS, _FLOAT32, _INT8 = "model.keras", "model-float32.tflite", "model-int8.tflite"
_OURS = "index"
# A block takes about so long, so that slow peers don't stretch a round and fast ones get many samples.
_BLOCK_NANOSECONDS = 20_000_000
_MOST_IN_BLOCK = 1000


@dataclass(frozen=True)
class Peer:
    """A way to run `file`: `name` is that of its contender, `settings` how it is set up."""

    name: str
    title: str
    file: str
    backend: str
    settings: str

    @property
    def precision(self) -> str:
        """Of the weights."""
        return "int8" if self.file == _INT8 else "float32"


def peers(backends: Sequence[str]) -> list[Peer]:
    """All of them; those of an interpreter once for each of `backends` and precision."""
    found = [
        Peer("predict", "model.predict", _KERAS, "auto", "verbose=0, 1 thread"),
        Peer("call", "model(x)", _KERAS, "auto", "training=False, 1 thread"),
        Peer("tf_function", "tf.function", _KERAS, "auto", "input signature (1, 28, 28), 1 thread"),
        Peer("onnxruntime", "onnxruntime", _FLOAT32, "auto", "CPU provider, 1 thread, opset 17, the same weights"),
        Peer("numpy", "numpy", _FLOAT32, "auto", "the same weights, no softmax"),
    ]
    for file in (_FLOAT32, _INT8):
        found.append(Peer("compiled_model", "LiteRT CompiledModel", file, "litert", "CPU, 1 thread, buffers kept"))
        for backend in backends:
            found += [
                Peer("guide", "the guides' lines", file, backend, "set_tensor, invoke, get_tensor, 1 thread"),
                Peer("classify", "fmnist-edge classify", file, backend, "class, label and probability, 1 thread"),
                Peer(_OURS, "fmnist-edge index", file, backend, "class only, as the other peers, 1 thread"),
                Peer("bare", "bare invoke", file, backend, "no input and no output: the limit"),
            ]
    return found


@click.command("fmnist_benchmarks.peers", cls=Command)
@click.argument("folder", type=FILE)
@click.option("--data", type=FILE, default=DEBIAN_FOLDER, show_default=True, help="The folder of the data set.")
@click.option("--rounds", type=click.IntRange(min=1), default=40, show_default=True)
@click.option("--only", multiple=True, metavar="NAME", help="Only these, such as predict; index is always there.")
@click.option("--plot", type=FILE, metavar="FILE.png", help="Draw the latencies.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(folder: Path, data: Path, rounds: int, only: tuple[str, ...], plot: Path | None, as_json: bool) -> None:
    """Compare every way to run the model in FOLDER."""
    for name in (_KERAS, _FLOAT32, _INT8):
        if not (folder / name).is_file():
            raise FmnistError(f"{folder}: no {name}, expected what fmnist-train and fmnist-export --quantize write")
    facts = machine.describe()
    chosen = [peer for peer in peers(installed()) if not only or peer.name in (*only, _OURS)]
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as temporary:
        images = Path(temporary) / "images.npy"
        np.save(images, read_test_split(data).images)
        results, left_out = compare(folder, images, chosen, rounds)
    left_out.append({"title": "the C library's own loop", "reason": c_interface()})
    document = {"machine": facts, "rounds": rounds, "results": results, "left_out": left_out}
    if plot:
        _draw(results, plot, facts)
    if as_json:
        print_json(document, indent=1)
        return
    click.echo(f"{machine.title(facts)}\n{_table(results)}")
    for entry in left_out:
        click.echo(f"left out: {entry['title']}: {entry['reason']}")


def compare(
    folder: Path, images: Path, chosen: Sequence[Peer], rounds: int
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """A result for each peer, latencies in microseconds; and those that are left out, with the reason."""
    left_out, workers, counts = [], {}, {}
    with contextlib.ExitStack() as stack:
        for peer in chosen:
            worker = stack.enter_context(
                contextlib.closing(contender(peer.name, folder / peer.file, images, peer.backend))
            )
            if worker.missing:
                left_out.append({"title": f"{peer.title}, {peer.precision}", "reason": worker.missing})
                warn(f"{peer.title} is left out: {worker.missing}; see `make peers`")
                continue
            workers[peer], counts[peer] = worker, _block_size(worker)
        samples: dict[Peer, list[list[int]]] = {peer: [] for peer in workers}
        answers = {peer: worker.ask("answers 200") for peer, worker in workers.items()}
        for number in range(rounds):
            for peer, worker in workers.items():
                samples[peer].append(worker.block(number * counts[peer], counts[peer]))
    return [_result(peer, samples, answers) for peer in samples], left_out


def c_interface() -> str:
    """Why no loop in C is among the peers: whether the interpreters' own libraries offer a C interface at all."""
    import ctypes
    import importlib.util

    looked = []
    for package in [package for _, package in BACKENDS.values() if importlib.util.find_spec(package)]:
        origin = importlib.util.find_spec(package)
        assert origin is not None
        assert origin.origin is not None
        for library in sorted(Path(origin.origin).parent.glob("*interpreter_wrapper*.so")):
            if hasattr(ctypes.CDLL(str(library)), "TfLiteInterpreterInvoke"):
                return f"{library.name} exports TfLiteInterpreterInvoke, and no loop is written for it yet"
            looked.append(f"{package}/{library.name}")
    return (
        f"{' and '.join(looked)} don't export TfLiteInterpreterInvoke; LiteRT's libLiteRt.so exports the C "
        f"interface of CompiledModel, which is measured through Python: the wheel brings no headers for it"
    )


def _block_size(worker: Worker) -> int:
    """How many images a block has, found with a warm-up."""
    slow = statistics.median(worker.block(0, 3)) > _BLOCK_NANOSECONDS / 100
    per_call = statistics.median(worker.block(0, 3 if slow else 200))
    return max(3, min(round(_BLOCK_NANOSECONDS / per_call), _MOST_IN_BLOCK))


def _result(peer: Peer, samples: dict[Peer, list[list[int]]], answers: dict[Peer, list[int] | None]) -> dict[str, Any]:
    ours = _ours(peer, list(samples))
    times = intervals.ratio_interval(samples[peer], samples[ours])
    given, expected = answers[peer], answers[ours]
    return {
        **asdict(peer),
        "precision": peer.precision,
        "us": asdict(latency.latency([sample for block in samples[peer] for sample in block])),
        "times_ours": times._asdict(),
        "ours": ours.backend,
        "agreement": None
        if given is None or expected is None
        else float(np.mean([one == other for one, other in zip(given, expected, strict=True)])),
    }


def _ours(peer: Peer, there: list[Peer]) -> Peer:
    """Ours of the same precision, on the peer's runtime or else on the first."""
    ours = [one for one in there if one.name == _OURS and one.precision == peer.precision]
    return next((one for one in ours if one.backend == peer.backend), ours[0])


def _table(results: list[dict[str, Any]]) -> str:
    lines = [
        f"{'way':<22}{'weights':<9}{'runtime':<16}{'p50 us':>10}{'p99 us':>10}   times ours (95 %)      same  settings"
    ]
    for result in results:
        times, runtime = result["times_ours"], result["backend"] if result["backend"] in BACKENDS else ""
        same = "" if result["agreement"] is None else f"{result['agreement']:.3f}"
        interval = f"{times['middle']:.2f} ({times['low']:.2f} to {times['high']:.2f})"
        lines.append(
            f"{result['title']:<22}{result['precision']:<9}{runtime:<16}{result['us']['p50']:>10.2f}"
            f"{result['us']['p99']:>10.2f}   {interval:<22}{same:>6}  {result['settings']}"
        )
    return "\n".join(lines)


def _draw(results: list[dict[str, Any]], path: Path, facts: dict[str, Any]) -> None:
    from fmnist_benchmarks.output import plotting

    ordered = sorted(results, key=lambda result: -float(result["us"]["p50"]))
    labels = [_label(result) for result in ordered]
    figure, axes = plotting.pyplot().subplots(figsize=(9, 0.32 * len(ordered) + 1.4), layout="constrained")
    colours = [
        "C2" if result["name"] in (_OURS, "classify") else "0.8" if result["name"] == "bare" else "C0"
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
