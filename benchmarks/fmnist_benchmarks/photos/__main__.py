"""How much accuracy the way through a photo costs: python -m fmnist_benchmarks.photos.

Every test image is classified twice: as it is, and as a photo-like JPEG (defined in photos/rendering.py) that goes
through the device's own preprocessing. The preprocessing was tuned on training images; don't tune it on these results.
"""

import io
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.photos.rendering import render
from fmnist_runtime.classifier import Classifier
from fmnist_runtime.commandline import FILE, Command, print_json, quiet_stderr, warn
from fmnist_runtime.data import fashion_mnist_files
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import FmnistError, ImageError
from fmnist_runtime.sources.image_files import read_stream


@dataclass(frozen=True)
class Comparison:
    """How many of `images` a model gets right as they are and as photos, and how many predictions are the same.

    Photos in which no garment was found, `refused`, count as wrong.
    """

    model: str
    runtime: str
    images: int
    originals_right: int
    photos_right: int
    same_answer: int
    refused: int

    @property
    def points_lost(self) -> float:
        """The accuracy on the originals minus that on the photos, in percentage points."""
        return 100 * (self.originals_right - self.photos_right) / self.images


def compare(classifier: Classifier, split: Split, photos: list[NDArray[np.uint8] | None]) -> Comparison:
    """Classify the images of `split` and `photos`, each (28, 28) uint8, None for a refused photo."""
    originals = classifier.outputs(split.images).argmax(axis=1)
    predicted = np.array([-1 if pixels is None else classifier.index(pixels) for pixels in photos])
    return Comparison(
        model=classifier.model.name,
        runtime=str(classifier.runtime),
        images=len(photos),
        originals_right=int((originals == split.labels).sum()),
        photos_right=int((predicted == split.labels).sum()),
        same_answer=int((predicted == originals).sum()),
        refused=sum(pixels is None for pixels in photos),
    )


def photograph(images: NDArray[np.uint8], seed: int, folder: Path | None = None) -> list[NDArray[np.uint8] | None]:
    """Render a photo of each of `images`, (N, 28, 28), and preprocess it; None where it is refused.

    The photos are written into `folder` where there is one.
    """
    results: list[NDArray[np.uint8] | None] = []
    for number, image in enumerate(images):
        # A generator for each photo, so that photo number n is the same for any count.
        photo = render(image, np.random.default_rng([seed, number]))
        if folder:
            (folder / f"{number:05}.jpg").write_bytes(photo)
        try:
            (result,) = read_stream(io.BytesIO(photo))
            results.append(result.pixels)
        except ImageError:
            results.append(None)
    return results


@click.command("fmnist_benchmarks.photos", cls=Command)
@click.option(
    "--count", type=click.IntRange(1, 10_000), default=10_000, show_default=True, help="Use the first N images."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The seed of the photos.")
@click.option(
    "--model", "models", multiple=True, metavar="FILE", help="A model instead of the shipped one; repeatable."
)
@click.option(
    "--data", type=FILE, default=fashion_mnist_files.DEBIAN_FOLDER, show_default=True, help="Fashion-MNIST's folder."
)
@click.option("--save", type=FILE, metavar="DIR", help="Keep the photos in this folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(count: int, seed: int, models: tuple[str, ...], data: Path, save: Path | None, as_json: bool) -> None:
    """Compare the accuracy of a model on test images and on photo-like JPEGs of the same garments."""
    split = fashion_mnist_files.read_test_split(data)
    split = Split(split.images[:count], split.labels[:count])
    with quiet_stderr():
        classifiers = [Classifier(model) for model in models or (None,)]
    if save:
        try:
            save.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FmnistError(f"{save}: cannot be created ({error.strerror}); choose another folder") from error
    warn(f"rendering and reading {count:,} photos, some 20 ms each")
    photos = photograph(split.images, seed, save)
    results = [compare(classifier, split, photos) for classifier in classifiers]
    if as_json:
        print_json(
            {"seed": seed, "results": [{**asdict(one), "points_lost": one.points_lost} for one in results]}, indent=2
        )
        return
    for one in results:
        click.echo(
            f"{one.model} on {one.runtime}, {one.images:,} test images, seed {seed}\n"
            f"  originals  {one.originals_right / one.images:.4f}  ({one.originals_right:,} right)\n"
            f"  photos     {one.photos_right / one.images:.4f}  ({one.photos_right:,} right, {one.refused} refused)\n"
            f"  lost       {one.points_lost:.2f} points; the same answer on {one.same_answer:,}"
        )


if __name__ == "__main__":
    main()
