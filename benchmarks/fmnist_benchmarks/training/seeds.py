"""How much a model's accuracy depends on the seed: it is trained, exported and proved once for each seed.

    python -m fmnist_benchmarks.training.seeds [--model mlp] [--seeds 1,2,3,4,5] [--validation 0] [-o FILE] [--json]

It runs fmnist-train, then fmnist-export, whose proof states the accuracy of the int8 file on the 10,000 test images.
Every seed is reported, none is selected.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from fmnist_runtime.commandline import FILE, Command, print_json, warn
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system.atomic import write_atomically


@click.command("fmnist_benchmarks.training.seeds", cls=Command)
@click.option("--model", default="mlp", show_default=True, help="The name of a model of fmnist-train.")
@click.option("--seeds", default="1,2,3,4,5", show_default=True, help="One training for each seed.")
@click.option("--validation", default=0, show_default=True, help="Training images to hold out, as for fmnist-train.")
@click.option("-o", "--output", type=FILE, metavar="FILE", help="Also write the document to FILE.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on standard output.")
def main(model: str, seeds: str, validation: int, output: Path | None, as_json: bool) -> None:
    """Train and export a model once for each seed, and report the accuracy of the int8 files."""
    numbers = [int(seed) for seed in seeds.split(",") if seed.strip().isdigit()]
    if not numbers:
        raise click.BadParameter(f"{seeds!r}, expected numbers such as 1,2,3", param_hint="'--seeds'")
    runs = []
    for seed in numbers:
        runs.append(measure(model, seed, validation))
        warn(f"seed {seed}: int8 {runs[-1]['int8_accuracy']:.4f}, Keras {runs[-1]['keras_accuracy']:.4f}")
    result: dict[str, Any] = {"model": model, **summary(runs), "runs": runs}
    if output:
        write_atomically(output, (json.dumps(result, indent=1) + "\n").encode())
    if as_json:
        print_json(result, indent=1)
        return
    click.echo(
        f"{model}, {len(runs)} seeds: int8 {result['int8_accuracy']['mean']:.4f} "
        f"({result['int8_accuracy']['least']:.4f} to {result['int8_accuracy']['most']:.4f}), "
        f"Keras {result['keras_accuracy']['mean']:.4f}"
    )


def measure(model: str, seed: int, validation: int) -> dict[str, Any]:
    """Train and export `model` with `seed`: accuracy of Keras and of the int8 file, and their agreement.

    Raises FmnistError where a command fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        _run("fmnist-train", "--model", model, "--seed", str(seed), "--validation", str(validation), "-o", folder)
        keras_model = str(Path(folder, "model.keras"))
        exported = json.loads(_run("fmnist-export", keras_model, "--precision", "int8", "--json"))
        record = json.loads(Path(folder, "training.json").read_text())
    proof = exported["models"][0]["proofs"][0]
    return {
        "seed": seed,
        "int8_accuracy": proof["accuracy"],
        "keras_accuracy": proof["keras_accuracy"],
        "agreement": proof["agreement"],
        "runtime": f"{proof['runtime']} {proof['version']}",
        "command": record["command"],
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation (of the sample; 0 for one run), minimum and maximum of each result of `runs`."""
    result = {}
    for name in ("int8_accuracy", "keras_accuracy", "agreement"):
        values = [run[name] for run in runs]
        result[name] = {
            "mean": statistics.mean(values),
            "deviation": statistics.stdev(values) if len(values) > 1 else 0.0,
            "least": min(values),
            "most": max(values),
        }
    return result


def _run(command: str, *arguments: str) -> str:
    program = Path(sys.executable).with_name(command)
    child = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if child.returncode != 0:
        reason = (child.stderr.strip().splitlines() or ["no reason"])[-1]
        raise FmnistError(f"{command} {' '.join(arguments)} failed: {reason}")
    return child.stdout


if __name__ == "__main__":
    main()
