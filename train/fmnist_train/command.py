"""fmnist-train: train a classifier of Fashion-MNIST with Keras, as TensorFlow's tutorial does, and keep everything."""

import os
import shlex
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist_keras import backend
from fmnist_runtime.commandline import FILE, Command, warn
from fmnist_runtime.errors import Interruption, TrainingError
from fmnist_train.distributed import cluster
from fmnist_train.models import builders, catalogue, recipes
from fmnist_train.models.settings import DEFAULTS, SCHEDULES, settings_for
from fmnist_train.training import checkpoint_record, output_folder

if TYPE_CHECKING:
    from fmnist_train.distributed.distribution import Distribution

_RECIPE = "the recipe's; mlp"
_MODEL = "mlp"
_OUTPUT = "fmnist-model"
_RECIPE_OUTPUT = "fmnist-recipes"


@click.command("fmnist-train", cls=Command)
@click.option(
    "--model",
    metavar="NAME",
    help=f"What to train: {', '.join(DEFAULTS)}, or FILE.py:FUNCTION of your own that returns a Keras model, compiled "
    "or not. `list` says what there is, with size, accuracy and time.  [default: mlp]",
)
@click.option(
    "--recipe",
    "recipe_name",
    type=click.Choice(recipes.NAMES),
    help="Train a model as the package has it, with all the models that it starts from and learns from, each in a "
    "folder of its name in DIR. Goes on where it was interrupted.",
)
@click.option("--epochs", type=click.IntRange(min=1), help=f"Passes over the data.  [{_RECIPE}: 5]")
@click.option("--batch-size", type=click.IntRange(min=1), help=f"Images a step.  [{_RECIPE}: 32]")
@click.option(
    "--learning-rate", type=click.FloatRange(min=0, min_open=True), help=f"Step size of Adam.  [{_RECIPE}: 0.001]"
)
@click.option(
    "--schedule",
    type=click.Choice(SCHEDULES),
    help="cosine: the step size falls to 0 over the epochs; one-cycle: after a rise over the first fifth; constant: as "
    f"the tutorial has it.  [{_RECIPE}: cosine]",
)
@click.option("--weight-decay", type=click.FloatRange(min=0), help=f"AdamW's; 0 is Adam.  [{_RECIPE}: 0]")
@click.option(
    "--label-smoothing",
    type=click.FloatRange(0, 1, max_open=True),
    help=f"Share of each label that is spread over all classes.  [{_RECIPE}: 0]",
)
@click.option("--flip", type=click.FloatRange(0, 1), help=f"Share of images to mirror.  [{_RECIPE}: 0]")
@click.option("--shift", type=click.IntRange(0, 27), help=f"Most pixels to move an image by.  [{_RECIPE}: 0]")
@click.option("--erase", type=click.FloatRange(0, 1), help=f"Share of images to erase a part of.  [{_RECIPE}: 0]")
@click.option(
    "--teacher",
    type=FILE,
    multiple=True,
    metavar="MODEL.keras",
    help="A trained model whose answers to learn from, too; of several, given one by one, the mean of their answers.",
)
@click.option(
    "--teacher-weight",
    type=click.FloatRange(0, 1),
    help="Share of the teachers' answers in what is learned, the labels are the rest.  [default: 0.5]",
)
@click.option("--start", type=FILE, metavar="MODEL.keras", help="A trained model of the same kind to go on from.")
@click.option(
    "--mirror",
    is_flag=True,
    help="The trained model looks at each image and at its mirror image: more is right in the same bytes and twice the "
    "time. For a model that learns from mirrored images, too: with --flip.",
)
@click.option(
    "--validation",
    type=click.IntRange(min=0),
    help="Training images to hold out for the validation curves; 0 trains on all 60,000 as the tutorial does.  "
    "[default: 4000]",
)
@click.option("--seed", type=click.IntRange(min=0), help="Same seed, same model.  [default: 1]")
@click.option("--data", "data_folder", type=FILE, metavar="DIR", help="Folder of the four IDX files.")
@click.option(
    "-o", "--output", type=FILE, metavar="DIR", help=f"Results.  [default: {_OUTPUT}; {_RECIPE_OUTPUT} for --recipe]"
)
@click.option(
    "--resume", is_flag=True, help="Go on from the last finished epoch in the output folder, with its settings."
)
@click.option(
    "--distribute",
    type=click.Choice(cluster.CHOICES),
    default="auto",
    show_default=True,
    help="mirrored: over the GPUs of this machine; multi-worker: over the workers that TF_CONFIG names, each of which "
    "runs this command; auto: multi-worker where TF_CONFIG is set, else none.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=cluster.WAIT_SECONDS,
    show_default=True,
    help="Seconds to wait for the other workers.",
)
def main(
    model: str | None,
    recipe_name: str | None,
    data_folder: Path | None,
    output: Path | None,
    resume: bool,
    distribute: str,
    wait: float,
    **options: Any,
) -> None:
    """Train a Keras classifier of Fashion-MNIST and evaluate it on the 10,000 test images.

    Each model has a recipe of its own, and every option that is not given is the recipe's.

    Writes model.keras, training.json (everything needed to train the same model again) and figures/*.png. Ctrl-C
    keeps the last finished epoch, and `fmnist-train -o DIR --resume` goes on from there.
    """
    from fmnist_runtime.system.atomic import make_folder

    if model == "list":
        click.echo(catalogue.table())
        return
    given = _given(model, options)
    if recipe_name:
        _repeat(recipe_name, data_folder, output, [*given, *(["resume"] if resume else [])])
        return
    if model is not None and model not in DEFAULTS and not builders.is_reference(model):
        raise click.BadParameter(
            f"{model!r} is unknown, expected {', '.join(DEFAULTS)}, list, or FILE.py:FUNCTION", param_hint="'--model'"
        )
    workers = cluster.select(distribute, os.environ)
    output = output or Path(_OUTPUT)
    make_folder(output)
    chief = workers is None or workers.is_chief
    try:
        # Of several workers the first alone writes; the others may have the folder, too.
        with output_folder.lock(output) if chief else nullcontext():
            _train(given, data_folder, output, resume, lambda: _spread(distribute, workers, wait))
    except KeyboardInterrupt as error:
        raise Interruption(_interrupted(output) if chief else "interrupted; worker 0 keeps what was done") from error


def _given(model: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """The settings that the command line names; what it doesn't is left to the recipe, or to the checkpoint."""
    options["teacher"] = tuple(str(path) for path in options["teacher"]) or None
    options["start"] = options["start"] and str(options["start"])
    options["mirror"] = options["mirror"] or None
    return {name: value for name, value in {"model": model, **options}.items() if value is not None}


def _train(
    given: dict[str, Any], data_folder: Path | None, output: Path, resume: bool, spread: "Callable[[], Distribution]"
) -> None:
    from fmnist_runtime.data import fashion_mnist

    if resume:
        settings = replace(checkpoint_record.read(output).settings, **given)
    else:
        settings = settings_for(**{"model": _MODEL, **given})
    dataset = fashion_mnist.load(data_folder)
    backend.load(warn)
    from fmnist_train.models import builder_checks
    from fmnist_train.training import workflow

    distribution = spread()
    builder_checks.check(settings, given)
    if distribution.is_chief:
        workflow.show_data(dataset)
    workflow.run(settings, dataset, output, resume=resume, spread=distribution)


def _spread(name: str, workers: cluster.Cluster | None, wait: float) -> "Distribution":
    from fmnist_train.distributed import distribution

    if workers is not None:
        cluster.wait(workers, wait, warn)
        return distribution.multi_worker(workers)
    return distribution.mirrored() if name == "mirrored" else distribution.ONE_DEVICE


def _repeat(name: str, data_folder: Path | None, output: Path | None, given: Sequence[str]) -> None:
    if given:
        option = given[0].replace("_", "-")
        raise click.UsageError(f"--recipe {name} decides --{option} already; leave that out, or train with --model")
    from fmnist_runtime.data import fashion_mnist

    folder = output or Path(_RECIPE_OUTPUT)
    try:
        dataset = fashion_mnist.load(data_folder)
        backend.load(warn)
        from fmnist_train.training import recipe_training

        recipe_training.train_recipe(name, dataset, folder)
    except KeyboardInterrupt as error:
        raise Interruption(
            f"interrupted; the finished epochs are kept in {folder}: the same command goes on"
        ) from error


def _interrupted(output: Path) -> str:
    try:
        checkpoint = checkpoint_record.read(output)
    except TrainingError:
        return "interrupted before the first epoch was finished; nothing was kept"
    return (
        f"interrupted; {checkpoint.progress.epochs} of {checkpoint.settings.epochs} epochs are kept in "
        f"{output / checkpoint.model}: {shlex.join(['fmnist-train', '-o', str(output), '--resume'])} goes on"
    )
