"""From process start to answer: fmnist-classify next to the smallest script that runs the same model once.

    python -m fmnist_benchmarks.startup.cold_start [IMAGE...] [--backend B] [--runs N] [--json]

The smallest script imports numpy and the interpreter, loads the model and invokes once. Runs take turns; the ratio is
the median over the ratios of neighbouring runs. Processor time is reported too, because it depends less on what else
the machine does. Peak memory is the highest resident size that the system reports of a process. Run it with the Python
of an environment that has the package installed, so that the command is the one that people get.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from fmnist_benchmarks.measure import machine
from fmnist_benchmarks.measure.processes import Run, run_once
from fmnist_runtime.commandline import FILE, Command, print_json
from fmnist_runtime.data.fashion_mnist_files import DEBIAN_FOLDER, read_test_split
from fmnist_runtime.inference.interpreters import BACKENDS, installed_backends
from fmnist_runtime.model.shipped import model_path

_SMALLEST = """
import sys, numpy
from {package}.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1])
interpreter.allocate_tensors()
interpreter.invoke()
"""
SMALLEST = "smallest script"


@click.command("fmnist_benchmarks.startup.cold_start", cls=Command)
@click.argument("images", nargs=-1, type=FILE, metavar="[IMAGE]...")
@click.option("--backend", type=click.Choice(list(BACKENDS)), help="[default: the first that is installed]")
@click.option("--runs", type=click.IntRange(min=1), default=30, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(images: tuple[Path, ...], backend: str | None, runs: int, as_json: bool) -> None:
    """Measure `fmnist-classify IMAGE` for each IMAGE; without any, for the first test image as .npy and .png."""
    backend = backend or installed_backends()[0]
    facts = machine.describe()
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as folder:
        results = compare(images or _first_test_image(Path(folder)), backend, runs)
    if as_json:
        print_json({"machine": facts, "backend": backend, "runs": runs, "results": results}, indent=1)
        return
    click.echo(f"{machine.title(facts)}\n{backend}, {runs} runs in turns")
    click.echo(f"{'program':<34}{'ms p50':>8}{'cpu ms':>8}{'times':>7}{'cpu':>6}{'MiB':>7}{'over':>7}")
    for result in results:
        click.echo(
            f"{result['program']:<34}{result['ms_p50']:>8.1f}{result['cpu_ms_p50']:>8.1f}{result['times']:>7.2f}"
            f"{result['cpu_times']:>6.2f}{result['peak_mib']:>7.1f}{result['mib_over_smallest']:>+7.1f}"
        )


def compare(images: tuple[Path, ...], backend: str, runs: int) -> list[dict[str, Any]]:
    """One result for the smallest script and each of `images`; times and memory as ratios and differences to it."""
    script = _SMALLEST.format(package=BACKENDS[backend][1])
    command = str(Path(sys.executable).parent / "fmnist-classify")
    programs = {SMALLEST: [sys.executable, "-c", script, str(model_path(None))]}
    programs |= {f"fmnist-classify {path.name}": [command, str(path), "--backend", backend] for path in images}
    found: dict[str, list[Run]] = {name: [] for name in programs}
    for program in programs.values():
        run_once(program)  # warm-up of the disk cache
    for _ in range(runs):
        for name, program in programs.items():
            found[name].append(run_once(program))
    return [_result(name, found[name], found[SMALLEST]) for name in programs]


def _result(name: str, found: list[Run], smallest: list[Run]) -> dict[str, Any]:
    pairs = list(zip(found, smallest, strict=True))
    peak, least = (statistics.median(run.peak_kib for run in one) / 1024 for one in (found, smallest))
    return {
        "program": name,
        "ms_p50": statistics.median(run.milliseconds for run in found),
        "cpu_ms_p50": statistics.median(run.cpu_milliseconds for run in found),
        "times": statistics.median(one.milliseconds / other.milliseconds for one, other in pairs),
        "cpu_times": statistics.median(one.cpu_milliseconds / other.cpu_milliseconds for one, other in pairs),
        "peak_mib": peak,
        "mib_over_smallest": peak - least,
    }


def _first_test_image(folder: Path) -> tuple[Path, ...]:
    from PIL import Image

    image = read_test_split(DEBIAN_FOLDER).images[0]
    np.save(folder / "image.npy", image)
    Image.fromarray(image).save(folder / "image.png")
    return folder / "image.npy", folder / "image.png"


if __name__ == "__main__":
    main()
