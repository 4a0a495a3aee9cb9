"""fmnist-export: a Keras model becomes .tflite files that are proved to answer as Keras does."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist_runtime.commandline import FILE, Command, pixel_options, say, say_json, warn

if TYPE_CHECKING:
    from fmnist_export.publication import PublishedFile
    from fmnist_runtime.images.pixel_range import PixelRange

# The keys of fmnist_export.convert.converter.CONVERTERS, which imports numpy: --help has to answer at once.
PRECISIONS = ("float32", "float16", "dynamic", "int8", "int8-strict", "int16x8")


@click.command("fmnist-export", cls=Command)
@click.argument("model", type=FILE, metavar="MODEL.keras")
@click.option("--quantize", is_flag=True, help="Export int8 beside float32.")
@click.option(
    "--precision",
    "more",
    type=click.Choice(PRECISIONS),
    multiple=True,
    help="Export this precision; may be given several times.  [default: float32]",
)
@click.option(
    "--target",
    "targets",
    metavar="RUNTIME",
    multiple=True,
    help="A runtime that the files must run on, such as tflite-runtime-2.14 or litert-2.3, or all of the current ones; "
    "may be given several times.  [default: the runtime that this Python's base install has]",
)
@click.option(
    "--min-agreement",
    type=click.FloatRange(0, 1),
    metavar="F",
    help="Least share of test images on which each file must answer as Keras.  [default: float32 1.0, int8 0.99]",
)
@click.option(
    "--min-accuracy",
    type=click.FloatRange(0, 1),
    metavar="F",
    help="Least share of test images on which Keras must be right; 0 exports any model.  [default: above chance]",
)
@click.option(
    "--golden-images",
    type=click.IntRange(min=50, max=1000),
    default=200,
    show_default=True,
    metavar="N",
    help="Images in the golden file; it takes about 500 bytes for each, and 10 KB.",
)
@click.option("--explain", is_flag=True, help="Say where an int8 file loses what Keras answers, layer by layer.")
@click.option("--labels", type=FILE, metavar="FILE", help="Class names, one a line.  [default: the data set's]")
@click.option(
    "--data",
    "data_folder",
    type=FILE,
    metavar="DIR",
    help="The data set that MODEL is for: a folder of four IDX files, as MNIST's.  [default: Fashion-MNIST]",
)
@pixel_options
@click.option("-o", "--output", type=FILE, metavar="DIR", help="Where to publish.  [default: beside MODEL]")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on standard output.")
def main(
    model: Path,
    quantize: bool,
    more: tuple[str, ...],
    targets: tuple[str, ...],
    min_agreement: float | None,
    min_accuracy: float | None,
    golden_images: int,
    explain: bool,
    labels: Path | None,
    data_folder: Path | None,
    pixels: "PixelRange | None",
    output: Path | None,
    as_json: bool,
) -> int:
    """Convert MODEL.keras to TFLite, prove that the files answer as Keras does, and publish them.

    MODEL may also be an .h5 file or a SavedModel folder; its input is (28, 28) or (28, 28, 1), its layers are Keras's.

    Writes <stem>-float32.tflite, with --quantize also <stem>-int8.tflite, <stem>-golden.npz (for fmnist-verify) and
    report.html. Each file is proved on the 10,000 test images in a process of its own, with the target's interpreter
    and no tensorflow. If one answers too differently, or a target would refuse it, nothing is published and the exit
    code is 1. It is also 1 if a target's interpreter is not to be had: the file is then published, not proved there.

    A model without a training.json is taken for one of Fashion-MNIST only where it is clearly above chance there; for
    other images give --data. What its pixels are is never guessed: where nothing tells, give --pixels.

    Where fmnist-train's training.json is beside MODEL, the files also say how the model was trained.
    """
    from fmnist_export import pipeline
    from fmnist_export.explain import text
    from fmnist_export.prove import targets as known
    from fmnist_export.source import data_sets, keras_model
    from fmnist_export.source.loaded_model import Statement
    from fmnist_runtime.errors import ExportError
    from fmnist_runtime.model import label_files

    try:
        known.select(targets)
    except ExportError as error:
        raise click.BadParameter(str(error), param_hint="'--target'") from error
    keras_model.check_exists(model)
    class_names = label_files.read(labels) if labels else None
    files = pipeline.export(
        model,
        output or model.parent,
        data_sets.load(data_folder),
        precisions=_precisions(quantize, more),
        target_names=targets,
        stated=Statement(
            class_names=class_names,
            pixels=pixels,
            data_is_given=data_folder is not None,
            minimum_accuracy=min_accuracy,
        ),
        minimum_agreement=min_agreement,
        golden_images=golden_images,
        show_explanation=(lambda found: say(text.table(found), err=as_json)) if explain else None,
        say=warn,
    )
    if as_json:
        say_json({"models": [file.as_json() for file in files]}, indent=1)
    else:
        _show(files)
    return _report_missing(files)


def _precisions(quantize: bool, more: tuple[str, ...]) -> tuple[str, ...]:
    chosen = ("float32", "int8") if quantize else () if more else ("float32",)
    return tuple(dict.fromkeys([*chosen, *more]))


def _report_missing(files: "list[PublishedFile]") -> int:
    missing = {entry.target: entry.reason for file in files for entry in file.missing_proofs}
    for target, reason in missing.items():
        warn(f"fmnist-export: not proved on {target}: {reason}")
    return 1 if missing else 0


def _show(files: "list[PublishedFile]") -> None:
    say(f"{'precision':<12}{'bytes':>9}  {'runtime':<22}{'agreement':>10}{'accuracy':>10}{'Keras':>8}{'ties':>6}")
    for file in files:
        for proof in file.proofs:
            say(
                f"{file.precision:<12}{len(file.content):>9,}  {f'{proof.runtime} {proof.version}':<22}"
                f"{proof.agreement:>10.4f}{_share(proof.accuracy):>10}{_share(proof.keras_accuracy):>8}{proof.ties:>6}"
            )
        for missing in file.missing_proofs:
            say(f"{file.precision:<12}{len(file.content):>9,}  {missing.target:<22}{'not proved':>10}")
    for file in files:
        say(f"{file.path}")
    say(f"{files[0].path.parent / 'report.html'}")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
