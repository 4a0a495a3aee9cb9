"""fmnist-classify: which garment is on each image. Runs on the device, with the base install."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist_runtime.commandline import FILE, Command, quiet_stderr, say_json, warn
from fmnist_runtime.errors import ImageError

if TYPE_CHECKING:
    from fmnist_runtime.classifier import Classifier, Prediction
    from fmnist_runtime.images import Image


@click.command("fmnist-classify", cls=Command)
@click.argument("images", nargs=-1, required=True, type=FILE, metavar="IMAGE...")
@click.option("--model", metavar="FILE", help="A .tflite file or a shipped model's name.  [default: mlp, shipped]")
@click.option("--index", type=click.IntRange(min=0), multiple=True, help="Only this image of an IDX or .npy file.")
@click.option("--top", type=click.IntRange(min=1), default=1, show_default=True, help="How many classes to show.")
@click.option(
    "--backend",
    type=click.Choice(["auto", "tflite-runtime", "litert"]),
    default="auto",
    show_default=True,
    help="The interpreter; auto takes the first that runs.",
)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Interpreter threads.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a line on standard output.")
def main(
    images: tuple[Path, ...],
    model: str | None,
    index: tuple[int, ...],
    top: int,
    backend: str,
    threads: int,
    as_json: bool,
) -> int:
    """Say which garment is on each IMAGE.

    An IMAGE is a PNG or JPEG of 28x28 grey pixels (0 background, 255 garment), a .npy array of uint8, (28, 28) or
    (N, 28, 28), or one of the data set's IDX files such as t10k-images-idx3-ubyte.gz.

    An IMAGE that cannot be read costs one line on standard error and exit code 1; the others are still answered.
    """
    from fmnist_runtime.classifier import Classifier

    with quiet_stderr():
        classifier = Classifier(model, backend=backend, num_threads=threads)
    if not as_json:
        warn(f"{classifier.model.name} on {classifier.runtime.reason}")
    failed = False
    for path in images:
        try:
            _classify_file(classifier, path, index, top, as_json)
        except ImageError as error:
            warn(f"fmnist-classify: {error}")
            failed = True
    return int(failed)


def _classify_file(classifier: "Classifier", path: Path, indices: tuple[int, ...], top: int, as_json: bool) -> None:
    from fmnist_runtime.images import read_images

    for image in read_images(path, indices):
        best = classifier.top(image.pixels, top)
        if as_json:
            say_json(_line(classifier, image, best))
        else:
            name = str(image.source) if image.item is None else f"{image.source}[{image.item}]"
            scores = "   ".join(f"{prediction.label:<11} {prediction.score:7.2%}" for prediction in best)
            click.echo(f"{name}   {scores}")


def _line(classifier: "Classifier", image: "Image", best: "list[Prediction]") -> dict[str, object]:
    return {
        "source": str(image.source),
        "item": image.item,
        **best[0]._asdict(),
        "top": [prediction._asdict() for prediction in best],
        "model": classifier.model.name,
        "runtime": str(classifier.runtime),
    }
