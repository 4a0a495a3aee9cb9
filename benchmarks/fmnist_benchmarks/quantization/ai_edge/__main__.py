"""fmnist-export's int8 beside ai-edge-quantizer's, on the same float32 file: bytes, agreement, latency.

    python -m fmnist_benchmarks.quantization.ai_edge MODEL... [--data DIR] [--runs N] [--processes N] [-o DIR] [--json]

MODEL is a .keras file, or a folder that fmnist-export wrote with --precision float32, int8 and int8-strict. Both tools
start from the same float32 weights and calibrate on the same training images. Each file then answers all test images
on every current target, and its bare invoke is timed, all files of a model in turns. Needs the Python of .venv-peers
(make peers), which has ai-edge-quantizer and both runtimes.
"""

import importlib.metadata
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist_benchmarks.measure import machine
from fmnist_benchmarks.quantization.ai_edge import comparison, export_folder, table
from fmnist_benchmarks.quantization.ai_edge.export_folder import Export
from fmnist_benchmarks.quantization.ai_edge.recipes import PACKAGE
from fmnist_runtime.commandline import FILE, Command, print_json, warn
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference import interpreters
from fmnist_runtime.system.atomic import make_folder

if TYPE_CHECKING:
    from fmnist_export.prove.environments import Environment
    from fmnist_runtime.data.dataset import Dataset

SCHEMA = 1


@click.command("fmnist_benchmarks.quantization.ai_edge", cls=Command)
@click.argument("models", nargs=-1, required=True, type=FILE, metavar="MODEL...")
@click.option("--data", type=FILE, metavar="DIR", help="The data set, as for fmnist-export.  [default: Fashion-MNIST]")
@click.option("--runs", type=click.IntRange(min=1), default=6000, show_default=True, help="Timed invokes of each file.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    help="Fresh processes to spread them over.",
)
@click.option(
    "-o", "--output", type=FILE, metavar="DIR", help="Keep the quantized files there, a folder for each MODEL."
)
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on standard output.")
def main(
    models: tuple[Path, ...], data: Path | None, runs: int, processes: int, output: Path | None, as_json: bool
) -> None:
    """Compare the int8 files of fmnist-export and of ai-edge-quantizer for each MODEL."""
    counts = ("--runs", str(runs), "--processes", str(processes))
    version = _version()
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as temporary:
        results = compare_all(models, data, counts, output or Path(temporary), warn)
    document = {
        "schema": SCHEMA,
        "command": f"python -m fmnist_benchmarks.quantization.ai_edge MODEL... {' '.join(counts)}",
        "machine": machine.describe(),
        "versions": {PACKAGE: version},
        **results,
    }
    if as_json:
        print_json(document, indent=1)
    else:
        click.echo(table.markdown(document))


def compare_all(
    models: Sequence[Path], data: Path | None, counts: Sequence[str], folder: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """The results for `models`; the files go to `folder`, one folder for each. `say` gets a line for each step.

    Raises FmnistError where an export or a measurement fails, or where no current target can be proved here.
    """
    from fmnist_export.source import data_sets

    dataset = data_sets.load(data)
    targets = _environments(say)
    results = []
    for path in models:
        name = path.stem if path.suffix else path.resolve().name
        if (folder / name).exists():
            raise FmnistError(f"{folder / name} exists; give models of different names, and an empty -o DIR")
        make_folder(folder / name)
        export = _export(path, folder / name, data)
        results.append(_compare(export, dataset, targets, counts, folder / name, say))
    return {"images": len(dataset.test.images), "models": results}


def _environments(say: Callable[[str], None]) -> "list[Environment]":
    """The current targets that can run here."""
    from fmnist_export.prove import environments, targets

    found = []
    for target in targets.select(["all"]):
        try:
            found.append(environments.install(target, say))
        except environments.UnavailableTargetError as error:
            say(f"{target.name} is left out: {error}")
    if not found:
        raise FmnistError("no current runtime can run here; the lines above say why")
    return found


def _export(path: Path, folder: Path, data: Path | None) -> Export:
    """The export in the folder `path`, or that of the Keras model `path`, written to a folder inside `folder`."""
    if path.is_dir():
        return export_folder.read(path)
    make_folder(folder / "export")
    return export_folder.run_export(path, folder / "export", data)


def _compare(
    export: Export,
    dataset: "Dataset",
    targets: "Sequence[Environment]",
    counts: Sequence[str],
    folder: Path,
    say: Callable[[str], None],
) -> dict[str, Any]:
    from fmnist_export.convert.calibration_sample import CalibrationSample
    from fmnist_runtime.inference.inputs import real_values

    if len(export.keras_answers) != len(dataset.test.images):
        raise FmnistError(
            f"{export.golden_path} has {len(export.keras_answers):,} test images, {dataset.source} has "
            f"{len(dataset.test.images):,}; name the model's data set with --data"
        )
    sample = CalibrationSample.for_split(dataset.train)
    say(f"{export.name}: quantizing with {PACKAGE}")
    inputs = real_values(*export.pixel_range)[sample.images(dataset.train)]
    files = comparison.quantize(export, inputs.reshape(len(inputs), *export.input_shape), folder)
    evaluations: dict[comparison.QuantizedFile, list[comparison.Evaluation]] = {file: [] for file in files}
    conditions = []
    for environment in targets:
        target = environment.target
        say(f"{export.name}: {len(dataset.test.images):,} test images on {target.name}")
        of_target = {file: comparison.evaluate(file, export, dataset.test, environment) for file in files}
        if target.runtime in interpreters.installed_backends():
            say(f"{export.name}: latency on {target.name}")
            of_target, of_measurement = comparison.measure_latencies(of_target, export.golden_path, counts)
            conditions.append(of_measurement)
        else:
            say(f"{export.name}: no latency on {target.name}: this Python does not have it; run make peers")
        for file, evaluation in of_target.items():
            evaluations[file].append(evaluation)
    return {
        "name": export.name,
        "training": export.training_command,
        "keras_sha256": export.golden.keras_sha256,
        "keras_accuracy": float((export.keras_answers == dataset.test.labels).mean()),
        "float32_bytes": len(export.float32.flatbuffer),
        "calibration": sample.as_json(),
        "conditions": conditions,
        "files": [
            {
                "tool": file.tool,
                "recipe": file.recipe,
                "bytes": file.bytes,
                "evaluations": [evaluation.as_json() for evaluation in of_file],
            }
            for file, of_file in evaluations.items()
        ],
    }


def _version() -> str:
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise FmnistError(
            f"{PACKAGE} is not installed in this Python; run make peers, then this with .venv-peers/bin/python"
        ) from error


if __name__ == "__main__":
    main()
