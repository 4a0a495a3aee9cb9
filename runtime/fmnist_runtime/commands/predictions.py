"""What fmnist-classify prints for an image: a line for people, a JSON document, a drawing of what the model saw."""

import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from fmnist_runtime.commandline import print_json, print_text, printable, warn

if TYPE_CHECKING:
    from fmnist_runtime.classifier import Classifier
    from fmnist_runtime.images.types import Image
    from fmnist_runtime.prediction import Prediction


class PrintOptions(NamedTuple):
    """What is printed: the first `top` classes; answers with a score below `min_score` (0 to 1) marked as unsure."""

    top: int
    min_score: float | None
    show: bool
    as_json: bool


def print_prediction(image: "Image", classifier: "Classifier", options: PrintOptions) -> None:
    """Classify `image` and print the answer; the note on how the image was read goes to standard error."""
    # A file name may hold anything, also control sequences of the terminal; so may a label in a model file.
    source = printable(str(image.source))
    name = source if image.item is None else f"{source}[{image.item}]"
    if image.note:
        warn(f"{name}: {image.note}")
    best = classifier.top(image.pixels, options.top)
    # An answer without a score can't be sure.
    unsure = options.min_score is not None and (best[0].score is None or best[0].score < options.min_score)
    if options.as_json:
        line = _document(classifier, image, best)
        print_json(line if options.min_score is None else {**line, "unsure": unsure})
    else:
        scores = "   ".join(f"{printable(prediction.label):<11} {_percent(prediction.score):>7}" for prediction in best)
        print_text(f"{name}   {scores}{'   unsure' if unsure else ''}")
    if options.show:
        from fmnist_runtime.images import drawing

        stream = sys.stderr if options.as_json else sys.stdout
        click.echo(drawing.draw(image.pixels, drawing.style_for(stream)), file=stream, color=True)


def _percent(score: float | None) -> str:
    return "-" if score is None else f"{score:.2%}"


def _document(classifier: "Classifier", image: "Image", best: "list[Prediction]") -> dict[str, object]:
    return {
        "source": str(image.source),
        "item": image.item,
        **best[0]._asdict(),
        "top": [prediction._asdict() for prediction in best],
        "model": classifier.model.name,
        "runtime": str(classifier.runtime),
    }
