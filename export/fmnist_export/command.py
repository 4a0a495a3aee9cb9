"""fmnist-export: convert a Keras model to .tflite files and prove that they give Keras's answers."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist_runtime.commandline import (
    FILE,
    FOLDER,
    Command,
    Example,
    pixel_options,
    print_json,
    print_text,
    warn,
)

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from fmnist_export.publication import PublishedFile
    from fmnist_runtime.images.pixel_range import PixelRange

# The keys of fmnist_export.convert.converter.CONVERTERS, which imports numpy: --help has to answer at once.
PRECISIONS = ("float32", "float16", "dynamic", "int8", "int8-strict", "int16x8")
_EXAMPLES = (
    Example("float32 and int8, beside the model", "fmnist-export mlp/model.keras --quantize"),
    Example("for every current runtime", "fmnist-export mlp/model.keras --quantize --target all"),
    Example(
        "a model of other 28x28 images", "fmnist-export digits.keras --data digits/ --labels digits.txt --quantize"
    ),
    Example("a model whose pixels nothing else states", "fmnist-export mine.keras --mean 0.1307 --std 0.3081"),
)


def _complete_target(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    from fmnist_export.prove import targets

    return [CompletionItem(name) for name in (*targets.all_targets(), targets.ALL) if name.startswith(incomplete)]


@click.command("fmnist-export", cls=Command, examples=_EXAMPLES)
@click.argument("model", type=FILE, metavar="MODEL.keras")
@click.option("--quantize", is_flag=True, help="Export int8 beside float32.")
@click.option(
    "--precision",
    "more",
    type=click.Choice(PRECISIONS),
    multiple=True,
    help="Export this precision; may be repeated.  [default: float32]",
)
@click.option(
    "--target",
    "targets",
    metavar="RUNTIME",
    multiple=True,
    shell_complete=_complete_target,
    help="A runtime that the files must run on, such as tflite-runtime-2.14 or litert-2.3 (docs/compatibility.md has "
    "all), or `all` current ones; may be repeated. The proof runs on that release, in an environment that is made "
    "once where this one has another.  [default: the runtime of the base install]",
)
@click.option(
    "--min-agreement",
    type=click.FloatRange(0, 1),
    metavar="F",
    help="Lowest share of test images on which a file must give Keras's answer.  [default: float32 1.0, float16 0.999, "
    "int8, dynamic and int16x8 0.99, int8-strict 0.98]",
)
@click.option(
    "--min-accuracy",
    type=click.FloatRange(0, 1),
    metavar="F",
    help="Lowest share of test images on which Keras must be right; 0 exports any model.  [default: above chance]",
)
@click.option(
    "--golden-images",
    type=click.IntRange(min=50, max=1000),
    default=200,
    show_default=True,
    metavar="N",
    help="Number of images in the golden file, which has about 500 bytes for each and 10 KB more.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Show where an int8 file loses Keras's answers: for each layer signal to quantization noise, range, scale, "
    "saturation and lost agreement, and the layer that costs most.",
)
@click.option(
    "--labels",
    type=FILE,
    metavar="FILE",
    help="The names of the classes, one a line, in UTF-8, or UTF-16 with its byte order mark; numbers in front (0 name "
    "or 1: name) are left out where they are in order.  [default: those of the data set]",
)
@click.option(
    "--data",
    "data_folder",
    type=FOLDER,
    metavar="DIR",
    help="The data set that MODEL is for: a folder of four IDX files of 28x28 images, named as those of MNIST. Its "
    "training images calibrate int8, its test images are those of the proof.  [default: Fashion-MNIST]",
)
@pixel_options
@click.option("-o", "--output", type=FOLDER, metavar="DIR", help="Folder for the files.  [default: beside MODEL]")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="The result as one JSON document on standard output: for each model path, precision, bytes, sha256, proofs "
    "and the targets on which it was not proved.",
)
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
    """Convert MODEL.keras to TFLite, prove that the files give Keras's answers, and publish them.

    MODEL may also be an .h5 file or a SavedModel folder. Its input is (28, 28) or (28, 28, 1), with any number of
    classes, and its layers are Keras's own.

    Writes <stem>-float32.tflite, with --quantize also <stem>-int8.tflite, <stem>-golden.npz (for fmnist-verify) and
    report.html (for a browser, also offline). Each file is proved on the 10,000 test images in a process of its own,
    with the target's interpreter and without tensorflow. If a file differs from Keras too often, or a target would
    refuse it, nothing is published and the exit code is 1. The exit code is also 1 if a target's interpreter is
    unavailable: the file is then published without a proof for that target.

    What the pixels of MODEL are is never guessed: --pixels or --mean and --std state it, else its training.json, else
    its first layers, else it is measured on training images; where no range is clearly best, nothing is exported. A
    model without a training.json is taken for one of Fashion-MNIST only where it is clearly above chance there; for
    other images give --data.

    Where fmnist-train's training.json is beside MODEL, the files also record how the model was trained.
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
        show_explanation=(lambda found: print_text(text.table(found), err=as_json)) if explain else None,
        say=warn,
    )
    if as_json:
        print_json({"models": [file.as_json() for file in files]}, indent=1)
    else:
        _print_table(files)
    return _print_missing(files)


def _precisions(quantize: bool, more: tuple[str, ...]) -> tuple[str, ...]:
    chosen = ("float32", "int8") if quantize else () if more else ("float32",)
    return tuple(dict.fromkeys([*chosen, *more]))


def _print_missing(files: "list[PublishedFile]") -> int:
    """Name each target on which no file was proved, on standard error; the exit code."""
    missing = {entry.target: entry.reason for file in files for entry in file.missing_proofs}
    for target, reason in missing.items():
        warn(f"fmnist-export: not proved on {target}: {reason}")
    return 1 if missing else 0


def _print_table(files: "list[PublishedFile]") -> None:
    print_text(
        f"{'precision':<12}{'bytes':>9}  {'runtime':<22}{'agreement':>10}{'accuracy':>10}{'Keras':>8}{'ties':>6}"
    )
    for file in files:
        for proof in file.proofs:
            print_text(
                f"{file.precision:<12}{len(file.content):>9,}  {f'{proof.runtime} {proof.version}':<22}"
                f"{proof.agreement:>10.4f}{_share(proof.accuracy):>10}{_share(proof.keras_accuracy):>8}{proof.ties:>6}"
            )
        for missing in file.missing_proofs:
            print_text(f"{file.precision:<12}{len(file.content):>9,}  {missing.target:<22}{'not proved':>10}")
    for file in files:
        print_text(f"{file.path}")
    print_text(f"{files[0].path.parent / 'report.html'}")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
