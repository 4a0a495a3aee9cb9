"""The options of fmnist-train that decide the weights: each is a field of recipes.Settings."""

from collections.abc import Callable
from typing import Any

import click

from fmnist_runtime.commandline import FILE
from fmnist_train.models.recipes import SCHEDULES

_OPTIONS = (
    click.option(
        "--epochs", type=click.IntRange(min=1), metavar="N", help="Passes over the training images.  [default: 5]"
    ),
    click.option("--batch-size", type=click.IntRange(min=1), metavar="N", help="Images per step.  [default: 32]"),
    click.option(
        "--learning-rate",
        type=click.FloatRange(min=0, min_open=True),
        metavar="F",
        help="Learning rate of Adam.  [default: 0.001]",
    ),
    click.option(
        "--schedule",
        type=click.Choice(SCHEDULES),
        help="cosine: the learning rate falls to 0 over the epochs; one-cycle: the same after a rise over the first "
        "fifth; constant: as in the tutorial.  [default: cosine]",
    ),
    click.option(
        "--weight-decay",
        type=click.FloatRange(min=0),
        metavar="F",
        help="Weight decay of AdamW; 0 is Adam.  [default: 0]",
    ),
    click.option(
        "--label-smoothing",
        type=click.FloatRange(0, 1, max_open=True),
        metavar="F",
        help="Share of each label that is spread over all classes.  [default: 0]",
    ),
    click.option("--flip", type=click.FloatRange(0, 1), metavar="F", help="Share of images to mirror.  [default: 0]"),
    click.option(
        "--shift", type=click.IntRange(0, 27), metavar="N", help="Most pixels to move an image.  [default: 0]"
    ),
    click.option(
        "--erase",
        type=click.FloatRange(0, 1),
        metavar="F",
        help="Share of images in which a rectangle is erased.  [default: 0]",
    ),
    click.option(
        "--teacher",
        type=FILE,
        multiple=True,
        metavar="MODEL.keras",
        help="Learn the answers of this trained model too, for the same changed images; may be repeated, and the mean "
        "of the answers is learned.",
    ),
    click.option(
        "--teacher-weight",
        type=click.FloatRange(0, 1),
        metavar="F",
        help="Share of the teachers' answers in what is learned; the labels are the rest.  [default: 0.5, networks "
        "0.7]",
    ),
    click.option(
        "--start",
        type=FILE,
        metavar="MODEL.keras",
        help="Continue from a trained model of the same architecture instead of from random weights.",
    ),
    click.option(
        "--mirror",
        is_flag=True,
        help="The trained model looks at each image and at its mirror image and answers from the mean of both logits: "
        "more accuracy in the same bytes and twice the time. Its last layer with weights must be a Dense one, and"
        " it must learn from mirrored images (--flip). The validation figures are those of this model.",
    ),
    click.option(
        "--validation",
        type=click.IntRange(min=0),
        metavar="N",
        help="Training images to hold out for the validation curves; 0 trains on all 60,000 as the tutorial does.  "
        "[default: 4000, networks 1000]",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        metavar="N",
        help="The same seed on the same machine gives the same model.  [default: 1]",
    ),
)


def training_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; each is None, or empty, where the command line doesn't name it."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
