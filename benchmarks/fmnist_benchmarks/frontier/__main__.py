"""The frontier: how accurate models are for their bytes and their latency, next to published results.

    python -m fmnist_benchmarks.frontier MODEL... [-o DIR] [--json]
    python -m fmnist_benchmarks.frontier --redraw benchmarks/results/reference.json -o DIR

MODEL is a folder that fmnist-export wrote (<stem>-float32.tflite, <stem>-int8.tflite), a folder of such folders, a
.tflite file or a shipped model's name; NAME= in front of it names the model. Everything is measured: each file answers
all 10,000 test images on each runtime, in processes of their own without tensorflow. Latencies are those of
fmnist-benchmark, each file on each runtime in turns. Only Keras's accuracy comes from the proof inside the file.
Run it with the Python of .venv-peers (make peers), which has both runtimes.
"""

import json
from pathlib import Path
from typing import Any

import click

from fmnist_benchmarks.frontier import candidates, measurement, tables
from fmnist_benchmarks.measure import machine
from fmnist_benchmarks.measure.rounds import Settings
from fmnist_runtime.commandline import FILE, INTERRUPTED, Command, print_json, warn
from fmnist_runtime.data.fashion_mnist_files import DEBIAN_FOLDER, read_test_split
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference.interpreters import BACKENDS, installed_backends
from fmnist_runtime.system.atomic import make_folder


@click.command("fmnist_benchmarks.frontier", cls=Command)
@click.argument("models", nargs=-1, metavar="MODEL...")
@click.option("-o", "--output", type=FILE, metavar="DIR", help="Draw frontier.png there.")
@click.option("--redraw", type=FILE, metavar="FILE.json", help="Draw an earlier run's --json instead of measuring.")
@click.option("--data", type=FILE, default=DEBIAN_FOLDER, show_default=True, help="The folder of the data set.")
@click.option(
    "--backend", "backends", multiple=True, type=click.Choice(list(BACKENDS)), help="[default: all installed]"
)
@click.option("--runs", type=click.IntRange(min=1), default=6000, show_default=True, help="Timed images for each.")
@click.option("--processes", type=click.IntRange(min=1), default=6, show_default=True, help="Fresh processes for each.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(
    models: tuple[str, ...],
    output: Path | None,
    redraw: Path | None,
    data: Path,
    backends: tuple[str, ...],
    runs: int,
    processes: int,
    as_json: bool,
) -> int:
    """Measure accuracy, bytes and latency of MODELs on each runtime, and draw them next to published results."""
    if bool(models) == bool(redraw):
        raise click.UsageError("expected either MODEL... to measure or --redraw FILE.json")
    if output:
        from fmnist_benchmarks.output import plotting

        plotting.pyplot()  # fails now, before the measurement, where matplotlib is missing
        make_folder(output)
    if redraw:
        document = _read(redraw)
    else:
        settings = Settings(runs=max(runs, processes), processes=processes)
        document = measurement.measure(
            candidates.resolve(models), read_test_split(data), backends or installed_backends(), settings
        )
    if output:
        from fmnist_benchmarks.frontier import figure
        from fmnist_benchmarks.output import plotting

        plotting.save(output / "frontier.png", figure.draw(document))
    if as_json:
        print_json(document, indent=1)
    else:
        click.echo(f"{machine.title(document['machine'])}\n\n{tables.markdown(document)}")
    for words in document["warnings"]:
        warn(f"warning: {words}")
    if document.get("interrupted"):  # older documents don't have the key
        warn("fmnist_benchmarks.frontier: interrupted; the latencies are those of the finished rounds")
        return INTERRUPTED
    return 0


def _read(path: Path) -> dict[str, Any]:
    """The document in `path`: this command's --json, or benchmarks/results/NAME.json with it inside."""
    try:
        document: Any = json.loads(path.read_bytes())
        document = document.get("parts", {}).get("frontier", {}).get("result", document)
    except (OSError, ValueError, AttributeError) as error:
        raise FmnistError(f"{path}: cannot be read ({error}), expected this command's --json; measure again") from error
    if document.get("schema") != measurement.SCHEMA or "published" not in document:
        raise FmnistError(f"{path}: not this command's --json; measure again")
    return dict(document)


if __name__ == "__main__":
    main()
