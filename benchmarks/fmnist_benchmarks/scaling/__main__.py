"""How latency grows with images, model size, threads and processes, with the limit of each.

    python -m fmnist_benchmarks.scaling [--backend B] [--plot FILE.png] [--json]

Needs tensorflow once, in a process of its own, for models of random weights (scaling/random_models.py). Limits:

    images      the time of as many bare invokes
    model size  the longer of two: multiply-adds at the rate that this machine reaches in a matrix product of float32,
                and the weights' bytes at the bandwidth that it reaches in reading as many (scaling/roofline.py);
                for int8 only the latter, because numpy has no such product of int8
    threads     the time with one thread, divided by the number of threads, up to the number of cores
    processes   the images a second of one process, times the number of processes, up to the number of cores
"""

import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from fmnist_benchmarks.measure import machine
from fmnist_benchmarks.scaling import measurements, random_models
from fmnist_benchmarks.scaling.measurements import IMAGES, Settings
from fmnist_runtime.commandline import FILE, Command, print_json
from fmnist_runtime.inference.interpreters import BACKENDS, installed_backends
from fmnist_runtime.model.golden import read
from fmnist_runtime.model.shipped import golden_path, model_path

# Units of the hidden layer: 784 h + 10 h weights and biases, 10 KB to 10 MB as float32.
HIDDEN = (3, 10, 32, 128, 384, 1024, 3200)
# The most threads of an interpreter, and processes side by side.
MOST_THREADS = 4


@click.command("fmnist_benchmarks.scaling", cls=Command)
@click.option("--backend", type=click.Choice(list(BACKENDS)), help="[default: the first that is installed]")
@click.option("--most-images", type=click.IntRange(min=1), default=IMAGES[-1], show_default=True)
@click.option("--hidden", default=",".join(map(str, HIDDEN)), show_default=True, help="Hidden units of each model.")
@click.option(
    "--most-threads", type=click.IntRange(min=1), default=MOST_THREADS, show_default=True, help="Processes, too."
)
@click.option("--rounds", type=click.IntRange(min=1), default=Settings.rounds, show_default=True)
@click.option(
    "--block", type=click.IntRange(min=10), default=Settings.block, show_default=True, help="Images in a round."
)
@click.option("--plot", type=FILE, metavar="FILE.png", help="Draw the four figures.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(
    backend: str | None,
    most_images: int,
    hidden: str,
    most_threads: int,
    rounds: int,
    block: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure how latency grows with images, model size, threads and processes."""
    chosen = backend or installed_backends()[0]
    units = [int(number) for number in hidden.split(",") if number.strip().isdigit()]
    if not units:
        raise click.BadParameter(f"{hidden!r}, expected numbers such as 3,128", param_hint="'--hidden'")
    facts = machine.describe()
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as folder:
        images = Path(folder) / "images.npy"
        np.save(images, read(golden_path()).images)
        models = random_models.write(Path(folder), units)
        settings = Settings(images, chosen, rounds, block)
        document = {
            "machine": facts,
            "backend": chosen,
            "images": measurements.by_images(model_path(None), settings, most_images),
            "sizes": measurements.by_size(models, settings),
            # The shipped model and the largest float32 one.
            "threads": measurements.by_threads((model_path(None), models[len(units) - 1]), settings, most_threads),
            "processes": measurements.by_processes(model_path(None), settings, most_threads),
        }
    if plot:
        from fmnist_benchmarks.output import plotting
        from fmnist_benchmarks.scaling import figure

        plotting.save(plot, figure.draw(document))
    if as_json:
        print_json(document, indent=1)
    else:
        click.echo(f"{machine.title(facts)}\n{_text(document)}")


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


if __name__ == "__main__":
    main()
