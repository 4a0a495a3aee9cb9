"""fmnist-classify: which garment is on each image. Runs on the device, with the base install."""

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import click

from fmnist_runtime.commandline import (
    FILE,
    StreamingCommand,
    abandon_output,
    backend_option,
    pixel_options,
    printable,
    quiet_stderr,
    say,
    say_json,
    warn,
)
from fmnist_runtime.errors import ImageError
from fmnist_runtime.model.shipped import DEFAULT, SHIPPED

if TYPE_CHECKING:
    from fmnist_runtime.classifier import Classifier
    from fmnist_runtime.images.pixel_range import PixelRange
    from fmnist_runtime.images.types import Image, Invert
    from fmnist_runtime.prediction import Prediction

_STANDARD_INPUT = "-"


@click.command("fmnist-classify", cls=StreamingCommand)
@click.argument("images", nargs=-1, metavar="IMAGE...")
@click.option(
    "--model",
    metavar="FILE",
    help=f"A .tflite file or a shipped model's name: {', '.join(SHIPPED)}.  [default: {DEFAULT}, shipped]",
)
@click.option("--list-models", is_flag=True, help="Say what the shipped models are, and classify nothing.")
@click.option("--index", type=click.IntRange(min=0), multiple=True, help="Only this image of an IDX or .npy file.")
@click.option("--top", type=click.IntRange(min=1), default=1, show_default=True, help="How many classes to show.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Mark an answer whose score is lower as unsure.")
@click.option(
    "--invert",
    type=click.Choice(["auto", "yes", "no"]),
    default="auto",
    show_default=True,
    help="Negate the pixels; auto does it for photos on a light background, and leaves 28x28 grey as it is.",
)
@click.option("--show", is_flag=True, help="Draw the 28x28 pixels that the model saw; with --json on standard error.")
@click.option("--raw", is_flag=True, help="IMAGE is raw frames of 784 bytes one after another, answered as they come.")
@click.option("--labels", "labels_file", type=FILE, metavar="FILE", help="The names of the classes, one a line.")
@pixel_options
@backend_option
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Interpreter threads.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a line on standard output.")
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
    """Say which garment is on each IMAGE.

    An IMAGE is a picture of one garment on a plain background (PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF and others, of any
    size; the first frame of an animation), a .npy array of uint8, (28, 28) or (N, 28, 28), or one of the data set's IDX
    files such as t10k-images-idx3-ubyte.gz. A folder stands for the images in it and below, a quoted pattern such as
    '*.png' for the files that match it, - for standard input.

    A picture of 28x28 grey pixels is taken as it is: 0 background, 255 garment. Any other is trimmed to the garment,
    scaled, sharpened, centred and inverted as the data set's own pictures were, and one line on standard error says
    what was decided.

    An IMAGE that cannot be read costs one line on standard error and exit code 1; the others are still answered. An
    unsure answer is an answer: it doesn't change the exit code.

    A .tflite that fmnist-export did not write doesn't state what its pixels and its classes are: what it tells is used,
    and what is assumed is said on standard error. --pixels (or --mean and --std) and --labels state it.
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

    labels = _labels(labels_file)
    with quiet_stderr():
        classifier = Classifier(model, backend=backend, num_threads=threads, pixels=pixels, labels=labels)
    _say_model(classifier, as_json)
    asked = _Asked(index, top, min_score, invert, show, raw, as_json)
    failed = 0
    try:
        for name in images:
            for good in _answer(name, classifier, asked):
                failed += not good
    except BrokenPipeError:  # whoever reads has enough; what could not be read until then is said by the exit code
        abandon_output(sys.stdout)
    return int(failed > 0)


def _labels(file: Path | None) -> tuple[str, ...] | None:
    if file is None:
        return None
    from fmnist_runtime.model import label_files

    return label_files.read(file)


def _say_model(classifier: "Classifier", as_json: bool) -> None:
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
        say_json({"models": [model.as_json() for model in models]}, indent=1)
        return 0
    say(f"{'model':<12}{'bytes':>9}  {'precision':<12}{'accuracy':>8}{'agreement':>11}  proved on")
    for model in models:
        say(
            f"{model.name:<12}{model.bytes:>9,}  {model.precision:<12}{model.accuracy:>8.4f}{model.agreement:>11.4f}"
            f"  {', '.join(model.proved_on)}{' (the default)' if model.default else ''}"
        )
    return 0


class _Asked(NamedTuple):
    """The options that say what to read and what to print."""

    indices: tuple[int, ...]
    top: int
    min_score: float | None
    invert: "Invert"
    show: bool
    raw: bool
    as_json: bool


def _answer(name: str, classifier: "Classifier", asked: _Asked) -> "Iterator[bool]":
    """Answer the images that `name` stands for, file by file; whether each file could be read."""
    try:
        files = _files(name, asked.raw)
    except ImageError as error:
        warn(f"fmnist-classify: {error}")
        yield False
        return
    for file in files:
        try:
            for image in _read(file, asked):
                _say(image, classifier, asked)
            yield True
        except ImageError as error:
            warn(f"fmnist-classify: {error}")
            yield False


def _files(name: str, raw: bool) -> "list[Path | None]":
    """The files that `name` stands for, None for standard input."""
    if name == _STANDARD_INPUT:
        return [None]
    from fmnist_runtime.sources import paths

    files: list[Path | None] = []
    for path in paths.files_of(name):
        if raw or not paths.is_folder(path):
            files.append(path)
            continue
        images, skipped = paths.images_in(path)
        files += images
        if skipped:
            warn(skipped)
    return files


def _read(file: Path | None, asked: _Asked) -> "Iterator[Image]":
    from fmnist_runtime.sources import frames
    from fmnist_runtime.sources import image_files as images

    if file is None:
        stream = _standard_input()
        if asked.raw:
            return frames.read_frames(stream, Path(_STANDARD_INPUT), invert=asked.invert)
        return images.read_stream(stream, asked.indices, invert=asked.invert)
    if asked.raw:
        return frames.read_frame_file(file, invert=asked.invert)
    return images.read_images(file, asked.indices, invert=asked.invert)


def _standard_input() -> IO[bytes]:
    if sys.stdin is None or sys.stdin.closed:
        raise ImageError("-: standard input is closed, expected an image; pipe one into the command")
    if sys.stdin.isatty():
        raise ImageError("-: standard input is a terminal, expected an image; pipe one into the command")
    return sys.stdin.buffer


def _say(image: "Image", classifier: "Classifier", asked: _Asked) -> None:
    # A name may hold anything, the terminal's control sequences too; a label out of a model file as well.
    source = printable(str(image.source))
    name = source if image.item is None else f"{source}[{image.item}]"
    if image.note:
        warn(f"{name}: {image.note}")
    best = classifier.top(image.pixels, asked.top)
    # An answer without a score can't be sure.
    unsure = asked.min_score is not None and (best[0].score is None or best[0].score < asked.min_score)
    if asked.as_json:
        line = _line(classifier, image, best)
        say_json(line if asked.min_score is None else {**line, "unsure": unsure})
    else:
        scores = "   ".join(f"{printable(prediction.label):<11} {_percent(prediction.score):>7}" for prediction in best)
        say(f"{name}   {scores}{'   unsure' if unsure else ''}")
    if asked.show:
        from fmnist_runtime.images import drawing

        stream = sys.stderr if asked.as_json else sys.stdout
        click.echo(drawing.draw(image.pixels, drawing.style_for(stream)), file=stream, color=True)


def _percent(score: float | None) -> str:
    return "-" if score is None else f"{score:.2%}"


def _line(classifier: "Classifier", image: "Image", best: "list[Prediction]") -> dict[str, object]:
    return {
        "source": str(image.source),
        "item": image.item,
        **best[0]._asdict(),
        "top": [prediction._asdict() for prediction in best],
        "model": classifier.model.name,
        "runtime": str(classifier.runtime),
    }
