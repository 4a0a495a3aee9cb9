"""What a proof costs over the interpreter's bare invokes: writing 10,000 images and keeping the outputs.

    python -m fmnist_benchmarks.quantization.proving MODEL.tflite... [--backend B] [--rounds N] [--json]

Bare invokes and Classifier.outputs take turns in one process; the ratio is that of the least times over some rounds.
"""

from pathlib import Path
from time import perf_counter
from typing import Any

import click

from fmnist_benchmarks.measure import machine
from fmnist_runtime.classifier import Classifier
from fmnist_runtime.commandline import FILE, Command, print_json, quiet_stderr
from fmnist_runtime.data.fashion_mnist_files import DEBIAN_FOLDER, read_test_split


@click.command("fmnist_benchmarks.quantization.proving", cls=Command)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--data", type=FILE, default=DEBIAN_FOLDER, show_default=True, help="The folder of the data set.")
@click.option("--backend", default="auto", show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(models: tuple[str, ...], data: Path, backend: str, rounds: int, as_json: bool) -> None:
    """Compare the time of a proof of each of MODELS with that of as many bare invokes."""
    images = read_test_split(data).images
    results: list[dict[str, Any]] = []
    for model in models:
        with quiet_stderr():
            classifier = Classifier(model, backend=backend)
        invoke = classifier.stages().invoke
        bare, proof = [], []
        for _ in range(rounds):
            started = perf_counter()
            for _ in range(len(images)):
                invoke()
            between = perf_counter()
            classifier.outputs(images)
            bare.append(between - started)
            proof.append(perf_counter() - between)
        result = {
            "model": classifier.model.name,
            "runtime": str(classifier.runtime),
            "bare_ms": min(bare) * 1e3,
            "proof_ms": min(proof) * 1e3,
            "ratio": min(proof) / min(bare),
        }
        results.append(result)
        if not as_json:
            click.echo(
                f"{result['model']:<28}{result['runtime']:<24}{len(images):,} bare invokes "
                f"{result['bare_ms']:7.1f} ms, proof {result['proof_ms']:7.1f} ms, {result['ratio']:.2f} times"
            )
    if as_json:
        print_json({"machine": machine.describe(), "images": len(images), "results": results}, indent=1)


if __name__ == "__main__":
    main()
