"""fmnist-train: train a classifier of Fashion-MNIST with Keras, and record everything needed to train it again."""

import os
import shlex
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist_keras import backend
from fmnist_runtime.commandline import FOLDER, Command, Example, print_text, warn
from fmnist_runtime.commandline.completion import names_or_files
from fmnist_runtime.errors import Interruption, TrainingError
from fmnist_train.distributed import cluster
from fmnist_train.models import recipes
from fmnist_train.models.settings import DEFAULTS, settings_for
from fmnist_train.options import training_options

if TYPE_CHECKING:
    from fmnist_train.distributed.distribution import Distribution

_MODEL = "mlp"
_OUTPUT = "fmnist-model"
_RECIPE_OUTPUT = "fmnist-recipes"
_EXAMPLES = (
    Example("the tutorial's model: 5 epochs, a minute or less", "fmnist-train -o mlp"),
    Example("what there is, with size, accuracy and time", "fmnist-train --model list"),
    Example("after Ctrl-C, continue from the last finished epoch", "fmnist-train -o mlp --resume"),
    Example("a model of your own, from a function in a file", "fmnist-train --model my_model.py:build -o mine"),
)


@click.command("fmnist-train", cls=Command, examples=_EXAMPLES)
@click.option(
    "--model",
    metavar="NAME",
    shell_complete=names_or_files((*DEFAULTS, "list")),
    help=f"What to train: {', '.join(DEFAULTS)} (docs/models.md), or FILE.py:FUNCTION of your own that returns a Keras "
    "model from (28, 28) in 0..1 to 10 probabilities; the optimizer and the loss (of integer labels) of a compiled one "
    "are kept. `list` prints all with size, accuracy and time.  [default: mlp]",
)
@click.option(
    "--recipe",
    "recipe_name",
    type=click.Choice(recipes.NAMES),
    help="Train a model as the package has it: first every model that it starts from or learns from, each in a folder "
    "of its name in DIR. The same command continues after an interruption.",
)
@training_options
@click.option(
    "--data",
    "data_folder",
    type=FOLDER,
    metavar="DIR",
    help="Folder of Fashion-MNIST's four IDX files.  [default: Keras's cache, Debian's package, or a download]",
)
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    metavar="DIR",
    help="Folder for the results; only one training at a time can use it.  "
    f"[default: {_OUTPUT}; {_RECIPE_OUTPUT} for --recipe]",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue from the last finished epoch in DIR with the settings of its checkpoint; options that contradict "
    "them are refused.",
)
@click.option(
    "--distribute",
    type=click.Choice(cluster.CHOICES),
    default="auto",
    show_default=True,
    help="mirrored: over the GPUs of this machine; multi-worker: over the workers that TF_CONFIG names, each of which "
    "runs this command; auto: multi-worker where TF_CONFIG names several workers, else none.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=cluster.WAIT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the other workers; every 10 seconds a line names those that are missing.",
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

    Each model has a recipe of its own: an option that is not given has the recipe's value. The defaults below are those
    of mlp.

    Writes DIR/model.keras, DIR/training.json (everything needed to train the same model again) and DIR/figures/*.png.
    Ctrl-C keeps the last finished epoch, and `fmnist-train -o DIR --resume` continues from there.
    """
    from fmnist_runtime.system.atomic import make_folder

    if model == "list":
        from fmnist_train.models import catalogue

        print_text(catalogue.table())
        return
    from fmnist_train.models import builders
    from fmnist_train.training import output_folder

    given = _explicit_settings(model, options)
    if recipe_name:
        _run_recipe(recipe_name, data_folder, output, [*given, *(["resume"] if resume else [])])
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
        # Only the first of several workers writes; the others may see the folder, too.
        with output_folder.lock(output) if chief else nullcontext():
            _train(given, data_folder, output, resume, lambda: _distribution(distribute, workers, wait))
    except KeyboardInterrupt as error:
        message = _interruption_message(output) if chief else "interrupted; worker 0 keeps the finished epochs"
        raise Interruption(message) from error


def _explicit_settings(model: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """The settings given on the command line; the others come from the recipe, or from the checkpoint."""
    options["teacher"] = tuple(str(path) for path in options["teacher"]) or None
    options["start"] = options["start"] and str(options["start"])
    options["mirror"] = options["mirror"] or None
    return {name: value for name, value in {"model": model, **options}.items() if value is not None}


def _train(
    given: dict[str, Any], data_folder: Path | None, output: Path, resume: bool, spread: "Callable[[], Distribution]"
) -> None:
    from fmnist_runtime.data import fashion_mnist
    from fmnist_train.training import checkpoint_record

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


def _distribution(name: str, workers: cluster.Cluster | None, wait: float) -> "Distribution":
    from fmnist_train.distributed import distribution

    if workers is not None:
        cluster.wait(workers, wait, warn)
        return distribution.multi_worker(workers)
    return distribution.mirrored() if name == "mirrored" else distribution.ONE_DEVICE


def _run_recipe(name: str, data_folder: Path | None, output: Path | None, given: Sequence[str]) -> None:
    if given:
        option = given[0].replace("_", "-")
        raise click.UsageError(
            f"--recipe {name} decides --{option} already; leave --{option} out, or train with --model"
        )
    from fmnist_runtime.data import fashion_mnist

    folder = output or Path(_RECIPE_OUTPUT)
    try:
        dataset = fashion_mnist.load(data_folder)
        backend.load(warn)
        from fmnist_train.training import recipe_training

        recipe_training.train_recipe(name, dataset, folder)
    except KeyboardInterrupt as error:
        raise Interruption(
            f"interrupted; the finished epochs are kept in {folder}: the same command continues"
        ) from error


def _interruption_message(output: Path) -> str:
    from fmnist_train.training import checkpoint_record

    try:
        checkpoint = checkpoint_record.read(output)
    except TrainingError:
        return "interrupted before the first epoch was finished; nothing was kept"
    return (
        f"interrupted; {checkpoint.progress.epochs} of {checkpoint.settings.epochs} epochs are kept in "
        f"{output / checkpoint.model}: {shlex.join(['fmnist-train', '-o', str(output), '--resume'])} continues"
    )
