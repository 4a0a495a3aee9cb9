"""All measurements of one machine in one document: benchmarks/results/NAME.json.

    python -m fmnist_benchmarks.publish.record NAME --models FOLDER --ladder FOLDER [--only PART]... [--figures DIR]

The FOLDER of --models holds what fmnist-train and fmnist-export write (model.keras, model-float32.tflite,
model-int8.tflite); that of --ladder holds one such folder for each model, named as the model. Each part is the JSON of
one command, recorded with the command; --only measures some parts again and keeps the others.
Run it on a quiet machine with the Python of .venv-peers (make peers), then run python -m
fmnist_benchmarks.publish.tables.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from fmnist_benchmarks.measure import machine
from fmnist_runtime.commandline import FILE, Command, warn
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system.atomic import make_folder, write_atomically

FOLDER = Path(__file__).parents[2] / "results"
SCHEMA = 1

_FLOAT32, _INT8 = "{models}/model-float32.tflite", "{models}/model-int8.tflite"
_BENCHMARK = ("command", _FLOAT32, _INT8, "--threads", "1,2", "--verdict", "--runs", "12000", "--processes", "12")
# Module and arguments of each part; {models} and {ladder} are the folders of the options.
PARTS: dict[str, tuple[str, ...]] = {
    "litert": (*_BENCHMARK, "--backend", "litert"),
    "tflite-runtime": (*_BENCHMARK, "--backend", "tflite-runtime"),
    "peers": ("peers", "{models}"),
    "instructions": ("scaling.instructions", _FLOAT32, _INT8),
    "cold_stages": ("startup.cold_stages", "--backend", "litert"),
    "growth": ("scaling", "--backend", "litert"),
    "frontier": ("frontier", "{ladder}"),
}
_WITH_FIGURE = ("litert", "peers", "cold_stages", "growth")


@click.command("fmnist_benchmarks.publish.record", cls=Command)
@click.argument("name")
@click.option("--models", type=FILE, metavar="FOLDER", help="A folder with the files of fmnist-export.")
@click.option("--ladder", type=FILE, metavar="FOLDER", help="A folder of such folders, one for each model.")
@click.option(
    "--only", multiple=True, type=click.Choice(list(PARTS)), help="Measure only this part and keep the others."
)
@click.option("--figures", type=FILE, metavar="DIR", help="Also draw each part's figure there.")
def main(name: str, models: Path | None, ladder: Path | None, only: tuple[str, ...], figures: Path | None) -> None:
    """Measure this machine and record the results in NAME.json."""
    folders = {"models": models, "ladder": ladder}
    for part in only or PARTS:
        for option, folder in folders.items():
            if folder is None and any(f"{{{option}}}" in argument for argument in PARTS[part]):
                raise click.UsageError(f"the part {part} needs --{option} FOLDER")
    make_folder(FOLDER)
    if figures:
        make_folder(figures)
    path = FOLDER / f"{name}.json"
    document: dict[str, Any] = read(path) if path.exists() else {"schema": SCHEMA, "parts": {}}
    for part in only or PARTS:
        warn(f"measuring: {part}")
        document["machine"] = machine.describe()
        document["parts"][part] = _measure(part, folders, figures)
        write_atomically(path, (json.dumps(document, indent=1) + "\n").encode())


def read(path: Path) -> dict[str, Any]:
    """The document at `path`. Raises FmnistError where it is damaged or of another schema."""
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FmnistError(f"{path}: cannot be read ({error}), expected a document of this module; delete it") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise FmnistError(f"{path}: expected a document of schema {SCHEMA}; measure it again")
    return document


def program(part: str) -> str:
    """The program that measures `part`, as people call it."""
    module = PARTS[part][0]
    return "fmnist-benchmark" if module == "command" else f"python -m fmnist_benchmarks.{module}"


def _measure(part: str, folders: dict[str, Path | None], figures: Path | None) -> dict[str, Any]:
    module, *arguments = PARTS[part]
    options = [argument.format(**folders) for argument in arguments]
    if figures and part in _WITH_FIGURE:
        options += ["--plot", str(figures / f"{part}.png")]
    if figures and part == "frontier":
        options += ["-o", str(figures)]
    child = subprocess.run(
        [sys.executable, "-m", f"fmnist_benchmarks.{module}", *options, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if child.returncode != 0:
        raise FmnistError(f"{part} ended with {child.returncode}; its own message is above")
    # Names instead of paths, which mean nothing on other machines.
    stated = [argument.format(models="MODELS", ladder="LADDER") for argument in arguments]
    return {"command": " ".join([program(part), *stated]), "result": json.loads(child.stdout)}


if __name__ == "__main__":
    main()
