"""fmnist-train: train a classifier of Fashion-MNIST with Keras, as TensorFlow's tutorial does, and keep everything."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist_runtime.commandline import FILE, Command, quiet_stderr
from fmnist_runtime.errors import TrainingError

if TYPE_CHECKING:
    from fmnist_train.data import FashionMnist
    from fmnist_train.training import Settings, Trained


@click.command("fmnist-train", cls=Command)
@click.option("--model", default="mlp", show_default=True, metavar="NAME", help="The model to train: mlp.")
@click.option("--epochs", type=click.IntRange(min=1), default=5, show_default=True, help="Passes over the data.")
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Images a step.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    default=0.001,
    show_default=True,
    help="Step size of Adam.",
)
@click.option(
    "--schedule",
    type=click.Choice(["cosine", "constant"]),
    default="cosine",
    show_default=True,
    help="cosine: the step size falls to 0 over the epochs; constant: as the tutorial has it.",
)
@click.option(
    "--validation",
    type=click.IntRange(min=0),
    default=4000,
    show_default=True,
    help="Training images to hold out for the validation curves; 0 trains on all 60,000 as the tutorial does.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Same seed, same model.")
@click.option("--data", "data_folder", type=FILE, metavar="DIR", help="Folder of the four IDX files.")
@click.option("-o", "--output", type=FILE, default="fmnist-model", show_default=True, metavar="DIR", help="Results.")
@click.option("--resume", is_flag=True, help="Go on from the last finished epoch in the output folder.")
def main(
    model: str,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    schedule: str,
    validation: int,
    seed: int,
    data_folder: Path | None,
    output: Path,
    resume: bool,
) -> None:
    """Train a Keras classifier of Fashion-MNIST and evaluate it on the 10,000 test images.

    Writes model.keras, training.json (everything needed to train the same model again) and figures/*.png. Ctrl-C
    keeps the last finished epoch, and --resume goes on from there.
    """
    from fmnist_runtime.files import make_folder
    from fmnist_train import data

    make_folder(output)
    dataset = data.load(data_folder)
    _import_tensorflow()
    from fmnist_train import training
    from fmnist_train.models import MODELS

    if model not in MODELS:
        raise click.BadParameter(f"{model!r} is unknown, expected {', '.join(MODELS)}", param_hint="'--model'")
    settings = training.Settings(model, epochs, batch_size, learning_rate, schedule, validation, seed)
    _show_data(dataset)
    try:
        trained = _train(settings, dataset, output, resume)
    except KeyboardInterrupt as error:
        raise TrainingError(_interrupted(training.finished_epochs(output), settings, output)) from error
    training.save(trained, dataset, output)
    _show_results(trained, dataset)
    _draw(trained, dataset, output)
    click.echo(f"{output / training.MODEL_FILE}: next, fmnist-export {output / training.MODEL_FILE} --quantize")


def _import_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet_stderr():
            import tensorflow  # noqa: F401
    except ImportError as error:
        raise TrainingError(
            f"tensorflow cannot be imported ({error}); run: pip install 'fmnist-edge[train]'"
        ) from error


def _train(settings: "Settings", dataset: "FashionMnist", output: Path, resume: bool) -> "Trained":
    from fmnist_train import training

    steps = -(-(len(dataset.train.images) - settings.validation) // settings.batch_size)
    bar = training.ProgressBar(settings.epochs, steps, click.echo)
    return training.train(settings, dataset, output, resume=resume, callbacks=[bar])


def _interrupted(epochs: int, settings: "Settings", output: Path) -> str:
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
    click.echo(f"from {dataset.source}")


def _show_results(trained: "Trained", dataset: "FashionMnist") -> None:
    from fmnist_runtime.labels import CLASS_NAMES

    probabilities = trained.test_probabilities
    click.echo(f"test loss {trained.test_loss:.4f}, test accuracy {trained.test_accuracy:.4f}")
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
        click.echo(f"{path}")
