"""fmnist-classify: which garment is on each image. Runs on the device, with the base install."""

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist_runtime.commandline import (
    FILE,
    Example,
    StreamingCommand,
    backend_option,
    discard_output,
    pixel_options,
    print_json,
    print_text,
    quiet_stderr,
    warn,
)
from fmnist_runtime.commandline.completion import complete_files, complete_model
from fmnist_runtime.commands.inputs import ReadOptions, find_files, read
from fmnist_runtime.commands.predictions import PrintOptions, print_prediction
from fmnist_runtime.errors import ImageError
from fmnist_runtime.model.shipped import DEFAULT, SHIPPED

if TYPE_CHECKING:
    from fmnist_runtime.classifier import Classifier
    from fmnist_runtime.images.pixel_range import PixelRange
    from fmnist_runtime.images.types import Invert

_EXAMPLES = (
    Example("a photo, the three likeliest classes", "fmnist-classify shirt.jpg --top 3"),
    Example("folders and patterns, one JSON line an image", "fmnist-classify photos/ 'more/*.png' --json"),
    Example("frames of 784 bytes, each answered as it comes", "camera-program | fmnist-classify - --raw"),
    Example(
        "one image of the data set, with a model of your own",
        "fmnist-classify t10k-images-idx3-ubyte.gz --index 7 --model model-int8.tflite",
    ),
)


@click.command("fmnist-classify", cls=StreamingCommand, examples=_EXAMPLES)
@click.argument("images", nargs=-1, metavar="IMAGE...", shell_complete=complete_files)
@click.option(
    "--model",
    metavar="FILE",
    shell_complete=complete_model,
    help=f"A .tflite file, or the name of a shipped model: {', '.join(SHIPPED)}.  [default: {DEFAULT}]",
)
@click.option(
    "--list-models",
    is_flag=True,
    help="List the shipped models with bytes, accuracy and agreement, as the proofs in their files state them, and "
    "classify nothing.",
)
@click.option(
    "--index",
    type=click.IntRange(min=0),
    multiple=True,
    metavar="N",
    help="Only this image of an IDX or .npy file, counted from 0; may be repeated.",
)
@click.option(
    "--top", type=click.IntRange(min=1), default=1, show_default=True, metavar="K", help="How many classes to show."
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    metavar="F",
    help="Mark an answer with a lower score, or without a score, as unsure; adds the key `unsure` to the JSON.",
)
@click.option(
    "--invert",
    type=click.Choice(["auto", "yes", "no"]),
    default="auto",
    show_default=True,
    help="Invert the pixels; auto does so for photos with a light background, and never for 28x28 grey pixels.",
)
@click.option("--show", is_flag=True, help="Draw the 28x28 pixels that the model sees; with --json, on standard error.")
@click.option(
    "--raw",
    is_flag=True,
    help="IMAGE is raw frames of 784 bytes, one after another, each answered as it comes. A stream that begins like a "
    "picture, an array, a gzip or a ZIP file is refused.",
)
@click.option(
    "--labels",
    "labels_file",
    type=FILE,
    metavar="FILE",
    help="The names of the classes, one a line, for a plain .tflite.",
)
@pixel_options
@backend_option
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Interpreter threads."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON document a line: source, item, index, label, score (null where the model's output tells none), "
    "top, model, runtime.",
)
def main(
    images: tuple[str, ...],
    model: str | None,
    list_models: bool,
    index: tuple[int, ...],
    top: int,
    min_score: float | None,
    invert: "Invert",
    show: bool,
    raw: bool,
    labels_file: Path | None,
    pixels: "PixelRange | None",
    backend: str,
    threads: int,
    as_json: bool,
) -> int:
    """Print which garment is on each IMAGE.

    An IMAGE is a picture of one garment on a plain background (PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF and others, of any
    size; the first frame of an animation), a .npy array of uint8, (28, 28) or (N, 28, 28), or one of the data set's IDX
    files such as t10k-images-idx3-ubyte.gz. A folder stands for all images in it and below, a quoted pattern such as
    '*.png' for the files that match it, - for standard input.

    A picture of 28x28 grey pixels is used as it is: 0 is background, 255 is garment. Any other picture is trimmed to
    the garment, scaled, sharpened, centred and inverted as the pictures of the data set were, and one line on standard
    error says how.

    An IMAGE that cannot be read costs one line on standard error and exit code 1; the others are still answered. An
    unsure answer is an answer: it doesn't change the exit code.

    A plain .tflite, one that fmnist-export did not write, states neither its pixels nor its classes. What the file
    tells is used, and what is assumed is printed on standard error. --pixels (or --mean and --std) and --labels state
    it.
    """
    if list_models:
        return _list_models(as_json)
    if not images:
        raise click.UsageError("Missing argument 'IMAGE...'.")
    if min_score is not None and math.isnan(min_score):
        raise click.UsageError("Invalid value for '--min-score': nan is not in the range 0<=x<=1.")
    if raw and index:
        raise click.UsageError("--index picks from IDX and .npy files; raw frames are answered as they come")
    from fmnist_runtime.classifier import Classifier

    labels = _read_labels(labels_file)
    with quiet_stderr():
        classifier = Classifier(model, backend=backend, num_threads=threads, pixels=pixels, labels=labels)
    _print_model(classifier, as_json)
    failures = 0
    try:
        for name in images:
            for success in _classify(
                name, classifier, ReadOptions(index, invert, raw), PrintOptions(top, min_score, show, as_json)
            ):
                failures += not success
    except BrokenPipeError:  # the reader has enough; the exit code tells what could not be read until then
        discard_output(sys.stdout)
    return int(failures > 0)


def _classify(name: str, classifier: "Classifier", reading: ReadOptions, printing: PrintOptions) -> Iterator[bool]:
    """Answer the images that the argument `name` stands for; for each file, whether it could be read."""
    try:
        files = find_files(name, raw=reading.raw)
    except ImageError as error:
        warn(f"fmnist-classify: {error}")
        yield False
        return
    for file in files:
        try:
            for image in read(file, reading):
                print_prediction(image, classifier, printing)
            yield True
        except ImageError as error:
            warn(f"fmnist-classify: {error}")
            yield False


def _read_labels(file: Path | None) -> tuple[str, ...] | None:
    if file is None:
        return None
    from fmnist_runtime.model import label_files

    return label_files.read(file)


def _print_model(classifier: "Classifier", as_json: bool) -> None:
    """Print on standard error which model answers, on which interpreter, and what is assumed about a plain .tflite."""
    if not as_json:
        warn(f"{classifier.model.name} on {classifier.runtime.reason}")
    if classifier.description is None or classifier.output_kind == "unknown":
        from fmnist_runtime import assumptions

        lines = assumptions.pixel_lines(classifier, only_assumed=as_json) + assumptions.answer_lines(classifier)
        for line in lines:
            warn(line)


def _list_models(as_json: bool) -> int:
    from fmnist_runtime.model.catalogue import shipped_models

    models = shipped_models()
    if as_json:
        print_json({"models": [model.as_json() for model in models]}, indent=1)
        return 0
    print_text(f"{'model':<12}{'bytes':>9}  {'precision':<12}{'accuracy':>8}{'agreement':>11}")
    for model in models:
        print_text(
            f"{model.name:<12}{model.bytes:>9,}  {model.precision:<12}{model.accuracy:>8.4f}{model.agreement:>11.4f}"
            f"{'  (the default)' if model.default else ''}"
        )
    for runtimes in dict.fromkeys(model.proved_on for model in models):
        names = ", ".join(model.name for model in models if model.proved_on == runtimes)
        print_text(f"{names}: proved on {', '.join(runtimes)}")
    return 0
