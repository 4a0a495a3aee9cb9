"""The options of fmnist-train that decide the weights: each is a field of TrainingSettings."""

from collections.abc import Callable
from typing import Any

import click

from fmnist_runtime.commandline import FILE
from fmnist_train.models.settings import DEFAULTS, SCHEDULES

_MLP, _NETWORK = DEFAULTS["mlp"], DEFAULTS["cnn-nano"]
_OPTIONS = (
    click.option(
        "--epochs",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"Passes over the training images.  [default: {_MLP.epochs}]",
    ),
    click.option(
        "--batch-size", type=click.IntRange(min=1), metavar="N", help=f"Images per step.  [default: {_MLP.batch_size}]"
    ),
    click.option(
        "--learning-rate",
        type=click.FloatRange(min=0, min_open=True),
        metavar="F",
        help=f"Learning rate of Adam.  [default: {_MLP.learning_rate:g}]",
    ),
    click.option(
        "--schedule",
        type=click.Choice(SCHEDULES),
        help="cosine: the learning rate falls to 0 over the epochs; one-cycle: the same after a rise over the first "
        f"fifth; constant: as in the tutorial.  [default: {_MLP.schedule}]",
    ),
    click.option(
        "--weight-decay",
        type=click.FloatRange(min=0),
        metavar="F",
        help=f"Weight decay of AdamW; 0 is Adam.  [default: {_MLP.weight_decay:g}]",
    ),
    click.option(
        "--label-smoothing",
        type=click.FloatRange(0, 1, max_open=True),
        metavar="F",
        help=f"Share of each label that is spread over all classes.  [default: {_MLP.label_smoothing:g}]",
    ),
    click.option(
        "--flip", type=click.FloatRange(0, 1), metavar="F", help=f"Share of images to mirror.  [default: {_MLP.flip:g}]"
    ),
    click.option(
        "--shift",
        type=click.IntRange(0, 27),
        metavar="N",
        help=f"Most pixels to move an image.  [default: {_MLP.shift}]",
    ),
    click.option(
        "--erase",
        type=click.FloatRange(0, 1),
        metavar="F",
        help=f"Share of images in which a rectangle is erased.  [default: {_MLP.erase:g}]",
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
        help="Share of the teachers' answers in what is learned; the labels are the rest.  "
        f"[default: {_MLP.teacher_weight:g}, networks {_NETWORK.teacher_weight:g}]",
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
        f"[default: {_MLP.validation}, networks {_NETWORK.validation}]",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        metavar="N",
        help=f"The same seed on the same machine gives the same model.  [default: {_MLP.seed}]",
    ),
)


def training_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; each is None, or empty, where the command line doesn't name it."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
