"""Resident memory before and after many inferences: it must not grow.

    python -m fmnist_benchmarks.startup.memory [MODEL] [--backend B] [--calls N] [--json]

Half of the calls are `index`, half `classify`, on different images. The resident size is read from /proc/self/statm
after a warm-up of 10,000 calls, and again at the end.
"""

import os
from pathlib import Path
from typing import Any

import click
import numpy as np

from fmnist_benchmarks.measure import machine
from fmnist_runtime import Classifier
from fmnist_runtime.commandline import Command, print_json, quiet_stderr
from fmnist_runtime.inference.interpreters import AUTO, BACKENDS

_WARM_UP = 10_000


@click.command("fmnist_benchmarks.startup.memory", cls=Command)
@click.argument("model", default="mlp")
@click.option("--backend", type=click.Choice([AUTO, *BACKENDS]), default=AUTO, show_default=True)
@click.option("--calls", type=click.IntRange(min=1), default=1_000_000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(model: str, backend: str, calls: int, as_json: bool) -> None:
    """Measure how much the resident memory grows while MODEL classifies images."""
    with quiet_stderr():
        classifier = Classifier(model, backend=backend)
    result = measure(classifier, calls)
    if as_json:
        print_json({"machine": machine.describe(), **result}, indent=1)
    else:
        click.echo(
            f"{result['model']} on {result['runtime']}: {result['kib_before']:,} KiB resident, "
            f"{result['kib_grown']:+,} KiB after {calls:,} inferences"
        )


def measure(classifier: Classifier, calls: int) -> dict[str, Any]:
    """A JSON object with the resident KiB after the warm-up, and their growth over `calls` inferences."""
    images = np.random.default_rng(0).integers(0, 256, (256, 28, 28), dtype=np.uint8)
    _call(classifier, images, _WARM_UP)
    before = resident_kib()
    _call(classifier, images, calls)
    return {
        "model": Path(classifier.model).name,
        "runtime": str(classifier.runtime),
        "calls": calls,
        "kib_before": before,
        "kib_grown": resident_kib() - before,
    }


def resident_kib() -> int:
    """The resident size of this process in KiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _call(classifier: Classifier, images: np.ndarray[Any, np.dtype[np.uint8]], calls: int) -> None:
    for number in range(calls // 2):
        image = images[number % len(images)]
        classifier.index(image)
        classifier.classify(image)


if __name__ == "__main__":
    main()
