"""How much accuracy the way through a photo costs: python -m fmnist_benchmarks.photos.

Every image of the test set is classified twice: as it is, and as a photo-like JPEG (photos/rendering.py says exactly
what that is) that goes through the device's own image path. The image path was tuned on training images;
nothing here may be used to tune it.
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
from fmnist_runtime.data.fashion_mnist_files import Split
from fmnist_runtime.errors import FmnistError, ImageError
from fmnist_runtime.sources.image_files import read_stream


@dataclass(frozen=True)
class Comparison:
    """How many of `images` a model has right as they are and as photos, and on how many both answers are the same.

    `refused` photos, in which no garment was found, count as wrong.
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
        """The accuracy on the originals less that on the photos, in percentage points."""
        return 100 * (self.originals_right - self.photos_right) / self.images


def compare(classifier: Classifier, split: Split, photos: list[NDArray[np.uint8] | None]) -> Comparison:
    """`classifier` on the images of `split` and on `photos`, what became of them, None where one was refused."""
    originals = classifier.outputs(split.images).argmax(axis=1)
    seen = np.array([-1 if pixels is None else classifier.index(pixels) for pixels in photos])
    return Comparison(
        model=classifier.model.name,
        runtime=str(classifier.runtime),
        images=len(photos),
        originals_right=int((originals == split.labels).sum()),
        photos_right=int((seen == split.labels).sum()),
        same_answer=int((seen == originals).sum()),
        refused=sum(pixels is None for pixels in photos),
    )


def photograph(images: NDArray[np.uint8], seed: int, folder: Path | None = None) -> list[NDArray[np.uint8] | None]:
    """What the image path makes of a photo of each of `images`, (N, 28, 28); the photos are kept in `folder`."""
    results: list[NDArray[np.uint8] | None] = []
    for number, image in enumerate(images):
        # A generator a photo, so that the first hundred are the same ones whatever the count.
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
@click.option("--count", type=click.IntRange(1, 10_000), default=10_000, show_default=True, help="The first N images.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the photos.")
@click.option("--model", "models", multiple=True, metavar="FILE", help="Instead of the shipped model; may be repeated.")
@click.option(
    "--data", type=FILE, default=fashion_mnist_files.DEBIAN_FOLDER, show_default=True, help="Fashion-MNIST's folder."
)
@click.option("--save", type=FILE, metavar="DIR", help="Keep the photos in this folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(count: int, seed: int, models: tuple[str, ...], data: Path, save: Path | None, as_json: bool) -> None:
    """Compare a model's accuracy on test images and on photo-like JPEGs of the same garments."""
    split = fashion_mnist_files.read_test_split(data)
    split = Split(split.images[:count], split.labels[:count])
    with quiet_stderr():
        classifiers = [Classifier(model) for model in models or (None,)]
    if save:
        try:
            save.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FmnistError(f"{save}: cannot be made ({error.strerror}); choose another folder") from error
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
