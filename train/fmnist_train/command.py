"""fmnist-train: train a classifier of Fashion-MNIST with Keras, as TensorFlow's tutorial does, and keep everything."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist_runtime.commandline import FILE, Command, quiet_stderr, say, warn
from fmnist_runtime.errors import TrainingError
from fmnist_train import builders, cluster, ladder
from fmnist_train.settings import RECIPES, SCHEDULES, Settings, recipe

if TYPE_CHECKING:
    from fmnist_train.data import FashionMnist
    from fmnist_train.distribution import Distribution
    from fmnist_train.results import Trained

_RECIPE = "the recipe's; mlp"


@click.command("fmnist-train", cls=Command)
@click.option(
    "--model",
    default="mlp",
    show_default=True,
    metavar="NAME",
    help=f"What to train: {', '.join(RECIPES)}, or FILE.py:FUNCTION of your own that returns a Keras model, compiled "
    "or not. `list` says what there is, with size, accuracy and time.",
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
    "time.",
)
@click.option(
    "--validation",
    type=click.IntRange(min=0),
    help="Training images to hold out for the validation curves; 0 trains on all 60,000 as the tutorial does.  "
    "[default: 4000]",
)
@click.option("--seed", type=click.IntRange(min=0), help="Same seed, same model.  [default: 1]")
@click.option("--data", "data_folder", type=FILE, metavar="DIR", help="Folder of the four IDX files.")
@click.option("-o", "--output", type=FILE, default="fmnist-model", show_default=True, metavar="DIR", help="Results.")
@click.option("--resume", is_flag=True, help="Go on from the last finished epoch in the output folder.")
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
    model: str,
    data_folder: Path | None,
    output: Path,
    resume: bool,
    distribute: str,
    wait: float,
    **options: Any,
) -> None:
    """Train a Keras classifier of Fashion-MNIST and evaluate it on the 10,000 test images.

    Each model has a recipe of its own, and every option that is not given is the recipe's.

    Writes model.keras, training.json (everything needed to train the same model again) and figures/*.png. Ctrl-C
    keeps the last finished epoch, and --resume goes on from there.
    """
    from fmnist_runtime.files import make_folder
    from fmnist_train import data

    if model == "list":
        click.echo(ladder.table())
        return
    if model not in RECIPES and not builders.is_reference(model):
        raise click.BadParameter(
            f"{model!r} is unknown, expected {', '.join(RECIPES)}, list, or FILE.py:FUNCTION", param_hint="'--model'"
        )
    options["teacher"] = tuple(str(path) for path in options["teacher"]) or None
    options["start"] = options["start"] and str(options["start"])
    settings = recipe(model, **options)
    workers = cluster.chosen(distribute, os.environ)
    make_folder(output)
    dataset = data.load(data_folder)
    _import_tensorflow()
    from fmnist_train import checkpoints, results

    spread = _spread(distribute, workers, wait)
    builders.check(settings, options)
    if spread.is_chief:
        _show_data(dataset)
    try:
        trained = _train(settings, dataset, output, resume, spread)
    except KeyboardInterrupt as error:
        raise TrainingError(_interrupted(checkpoints.finished_epochs(output), settings, output)) from error
    if not spread.is_chief:
        click.echo(f"worker {spread.worker}: {settings.epochs} epochs are done; worker 0 keeps the results")
        return
    results.save(trained, dataset, output)
    _show_results(trained, dataset)
    _draw(trained, dataset, output)
    say(f"{output / results.MODEL_FILE}: next, fmnist-export {output / results.MODEL_FILE} --quantize")


def _import_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet_stderr():
            import tensorflow  # noqa: F401
    except ImportError as error:
        raise TrainingError(
            f"tensorflow cannot be imported ({error}); run: pip install 'fmnist-edge[train]'"
        ) from error


def _spread(name: str, workers: cluster.Cluster | None, wait: float) -> "Distribution":
    from fmnist_train import distribution

    if workers is not None:
        cluster.wait(workers, wait, warn)
        return distribution.multi_worker(workers)
    return distribution.mirrored() if name == "mirrored" else distribution.ALONE


def _train(
    settings: Settings, dataset: "FashionMnist", output: Path, resume: bool, spread: "Distribution"
) -> "Trained":
    from fmnist_train import training
    from fmnist_train.progress import ProgressBar

    steps = -(-(len(dataset.train.images) - settings.validation) // settings.batch_size)
    bar = ProgressBar(settings.epochs, steps, click.echo)
    callbacks = [bar] if spread.is_chief else []
    return training.train(settings, dataset, output, resume=resume, callbacks=callbacks, spread=spread)


def _interrupted(epochs: int, settings: Settings, output: Path) -> str:
    if not epochs:
        return "interrupted before the first epoch was finished; nothing was kept"
    return (
        f"interrupted; {epochs} of {settings.epochs} epochs are kept in {output / f'checkpoint-{epochs}.keras'}: "
        f"give the same options and --resume to go on"
    )


def _show_data(dataset: "FashionMnist") -> None:
    for name, split in (("training", dataset.train), ("test", dataset.test)):
        labels = " ".join(str(label) for label in split.labels[:3])
        click.echo(
            f"{name} images {split.images.shape} {split.images.dtype}, {len(split.labels)} labels "
            f"{split.labels.min()} to {split.labels.max()} ({labels} ...)"
        )
    say(f"from {dataset.source}")


def _show_results(trained: "Trained", dataset: "FashionMnist") -> None:
    from fmnist_runtime.labels import CLASS_NAMES

    probabilities = trained.test_probabilities
    click.echo(f"test loss {trained.results['test_loss']:.4f}, test accuracy {trained.results['test_accuracy']:.4f}")
    click.echo(f"predictions {probabilities.shape} {probabilities.dtype}; of test image 0:")
    click.echo("  " + " ".join(f"{probability:.2e}" for probability in probabilities[0]))
    answer, label = int(probabilities[0].argmax()), int(dataset.test.labels[0])
    click.echo(
        f"  {answer} {CLASS_NAMES[answer]} {probabilities[0].max():.1%}; its label is {label} {CLASS_NAMES[label]}"
    )


def _draw(trained: "Trained", dataset: "FashionMnist", output: Path) -> None:
    from fmnist_train import figures

    for path in figures.save_all(
        output / "figures", dataset.train, dataset.test, trained.test_probabilities, trained.progress.history
    ):
        say(f"{path}")
