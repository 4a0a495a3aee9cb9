"""fmnist-export: a .keras file becomes .tflite files that are proved to answer as Keras does."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist_runtime.commandline import FILE, Command, say_json, warn

if TYPE_CHECKING:
    from fmnist_export.exporting import Exported


@click.command("fmnist-export", cls=Command)
@click.argument("model", type=FILE, metavar="MODEL.keras")
@click.option("--quantize", is_flag=True, help="Export int8 beside float32.")
@click.option(
    "--min-agreement",
    type=click.FloatRange(0, 1),
    metavar="F",
    help="Least share of test images on which each file must answer as Keras.  [default: float32 1.0, int8 0.99]",
)
@click.option("--data", "data_folder", type=FILE, metavar="DIR", help="Folder of the four IDX files.")
@click.option("-o", "--output", type=FILE, metavar="DIR", help="Where to publish.  [default: beside MODEL]")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on standard output.")
def main(
    model: Path,
    quantize: bool,
    min_agreement: float | None,
    data_folder: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Convert MODEL.keras to TFLite, prove that the files answer as Keras does, and publish them.

    Writes <stem>-float32.tflite and, with --quantize, <stem>-int8.tflite (int8 but for the last layer, calibrated on
    training images). Each file is proved on the 10,000 test images in a process of its own, with the device's
    interpreter and no tensorflow. If one answers too differently nothing is published and the exit code is 1.
    """
    from fmnist_export import exporting
    from fmnist_train import data

    files = exporting.export(
        model,
        output or model.parent,
        data.load(data_folder),
        precisions=("float32", "int8") if quantize else ("float32",),
        minimum_agreement=min_agreement,
        say=warn,
    )
    if as_json:
        say_json({"models": [file.as_json() for file in files]}, indent=1)
    else:
        _show(files)


def _show(files: "list[Exported]") -> None:
    click.echo(
        f"{'precision':<12}{'bytes':>9}  {'runtime':<22}{'agreement':>10}{'accuracy':>10}{'Keras':>8}{'ties':>6}"
    )
    for file in files:
        for proof in file.proofs:
            click.echo(
                f"{file.precision:<12}{file.bytes:>9,}  {f'{proof.runtime} {proof.version}':<22}"
                f"{proof.agreement:>10.4f}{proof.accuracy:>10.4f}{proof.keras_accuracy:>8.4f}{proof.ties:>6}"
            )
    for file in files:
        click.echo(f"{file.path}")
