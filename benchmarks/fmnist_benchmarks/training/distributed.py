"""Training by two workers against one process: test accuracy and images a second, on this machine.

    python -m fmnist_benchmarks.training.distributed [--seeds 1,2] [--epochs N] [--model NAME] [--batch-size N] [--json]

Each setup is the real fmnist-train on all 60,000 training images, limited to the cores in its name, one after the other
in turns:

    one-core      one process on one core
    two-cores     one process on two cores: the alternative to two workers on one machine
    step-by-step  one process on one core, one step a call and without XLA, like a worker (--distribute mirrored)
    two-workers   two processes on one core each, joined by TF_CONFIG over localhost

Two workers on two cores can at best be as fast as one process on two cores. What they lose against twice step-by-step
is the exchange of gradients. Images a second leave out the first epoch, in which TensorFlow compiles.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from fmnist_runtime.commandline import Command, print_json, warn
from fmnist_runtime.errors import FmnistError

# The cores of each process of a setup, by their position among those that this process may use, and --distribute.
SETUPS: dict[str, tuple[list[list[int]], str]] = {
    "one-core": ([[0]], "none"),
    "two-cores": ([[0, 1]], "none"),
    "step-by-step": ([[0]], "mirrored"),
    "two-workers": ([[0], [1]], "multi-worker"),
}
_TRAIN = """import json, os, sys
os.sched_setaffinity(0, json.loads(sys.argv.pop(1)))
from fmnist_train.command import main
main()"""


def images_a_second(images: int, seconds: list[float]) -> float:
    """The throughput of the epochs after the first, or of the first where it is the only one."""
    measured = seconds[1:] or seconds
    return images * len(measured) / sum(measured)


def summary(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """For each setup: mean accuracy, median throughput, and that as a multiple of the other setups' throughput."""
    speeds = {
        setup: statistics.median(run["images_a_second"] for run in runs if run["setup"] == setup)
        for setup in SETUPS
        if any(run["setup"] == setup for run in runs)
    }
    return {
        setup: {
            "accuracy": statistics.mean(run["accuracy"] for run in runs if run["setup"] == setup),
            "images_a_second": speed,
            **{f"times_{other}": speed / speeds[other] for other in SETUPS if other != "two-workers"},
        }
        for setup, speed in speeds.items()
    }


def free_ports(count: int) -> list[int]:
    """`count` ports of this machine that are free now."""
    sockets = [socket.create_server(("", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


@click.command("fmnist_benchmarks.training.distributed", cls=Command)
@click.option("--seeds", default="1,2", show_default=True, help="One training of each setup for each seed.")
@click.option("--epochs", type=click.IntRange(min=1), default=3, show_default=True, help="The epochs of each training.")
@click.option("--model", default="mlp", show_default=True, help="The name of a model of fmnist-train.")
@click.option("--batch-size", type=click.IntRange(min=1), help="The size of the whole batch.  [default: the recipe's]")
@click.option(
    "--validation", type=click.IntRange(min=0), default=0, help="Training images to leave out, for a quick try."
)
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on standard output.")
def main(seeds: str, epochs: int, model: str, batch_size: int | None, validation: int, as_json: bool) -> None:
    """Measure what two worker processes gain on this machine over one, and compare their accuracy."""
    numbers = [int(seed) for seed in seeds.split(",") if seed.strip().isdigit()]
    if not numbers:
        raise click.BadParameter(f"{seeds!r}, expected numbers such as 1,2", param_hint="'--seeds'")
    if len(os.sched_getaffinity(0)) < 2:
        raise FmnistError("this machine has one core, expected at least two; use another machine")
    options = ["--model", model, "--epochs", str(epochs), "--validation", str(validation)]
    options += ["--batch-size", str(batch_size)] if batch_size else []
    runs = []
    for seed in numbers:
        for setup in SETUPS:
            run = {"setup": setup, "seed": seed, **_run(setup, [*options, "--seed", str(seed)])}
            warn(f"{setup:<12} seed {seed}: {run['images_a_second']:8,.0f} images/s, accuracy {run['accuracy']:.4f}")
            runs.append(run)
    result = summary(runs)
    if as_json:
        print_json({"options": options, "setups": result, "runs": runs}, indent=1)
        return
    for setup, figures in result.items():
        click.echo(
            f"{setup:<12} {figures['images_a_second']:8,.0f} images/s, {figures['times_one-core']:.2f} times one-core, "
            f"{figures['times_two-cores']:.2f} times two-cores, {figures['times_step-by-step']:.2f} times "
            f"step-by-step; test accuracy {figures['accuracy']:.4f}"
        )


def _run(setup: str, options: list[str]) -> dict[str, Any]:
    """Train with `setup`; the results in its training.json."""
    places, distribute = SETUPS[setup]
    available = sorted(os.sched_getaffinity(0))
    addresses = [f"localhost:{port}" for port in free_ports(len(places))]
    with tempfile.TemporaryDirectory() as folder:
        children = []
        for index, positions in enumerate(places):
            config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            cores = json.dumps([available[position] for position in positions])
            children.append(
                subprocess.Popen(
                    [sys.executable, "-c", _TRAIN, cores, *options, "--distribute", distribute, "-o", folder],
                    env={**os.environ, "TF_CONFIG": json.dumps(config)},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        errors = [child.communicate()[1] for child in children]
        for child, error in zip(children, errors, strict=True):
            if child.returncode != 0:
                raise FmnistError(f"{setup} failed: {(error.strip().splitlines() or ['no reason'])[-1]}")
        record = json.loads((Path(folder) / "training.json").read_text())
    images = record["data"]["images"] - record["settings"]["validation"]
    return {
        "images_a_second": images_a_second(images, record["seconds"]),
        "seconds": record["seconds"],
        "accuracy": record["results"]["test_accuracy"],
    }


if __name__ == "__main__":
    main()
