"""One training from its settings to its files, in an output folder that is held, and what a person sees of it."""

import os
import sys
from pathlib import Path

import click

from fmnist_keras.messages import one_line
from fmnist_runtime.commandline import warn
from fmnist_runtime.data.fashion_mnist import FashionMnist, hold_out
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import Interruption, TrainingError
from fmnist_train.distributed.distribution import ALONE, Distribution
from fmnist_train.models import keras_files
from fmnist_train.models.recipes import Settings
from fmnist_train.training import loop, results, validation
from fmnist_train.training.progress import ProgressBar
from fmnist_train.training.results import Trained


def run(
    settings: Settings, dataset: FashionMnist, output: Path, *, resume: bool = False, spread: Distribution = ALONE
) -> None:
    """Train by `settings`, write the results to `output`, and say how it goes. The caller holds `output`.

    Raises TrainingError where that is impossible. A failure after the training loses nothing of it: the checkpoint
    stays until the files are there, and the files are there before the figures.
    """
    trained = _train(settings, dataset, output, resume, spread)
    if not spread.is_chief:
        say(f"worker {spread.worker}: {settings.epochs} epochs are done; worker 0 keeps the results")
        return
    saved = results.save(trained, dataset, output)
    _show_results(saved, dataset)
    _draw(saved, dataset, output)
    say(f"{output / results.MODEL_FILE}: next, fmnist-export {output / results.MODEL_FILE} --quantize")


def say(text: str) -> None:
    """Print a line. Where its reader (such as `head`) is gone, go on: a training is worth more than its lines."""
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show_data(dataset: FashionMnist) -> None:
    """Print the shapes and labels of the data set, and where it is from."""
    for name, split in (("training", dataset.train), ("test", dataset.test)):
        labels = " ".join(str(label) for label in split.labels[:3])
        say(
            f"{name} images {split.images.shape} {split.images.dtype}, {len(split.labels)} labels "
            f"{split.labels.min()} to {split.labels.max()} ({labels} ...)"
        )
    say(f"from {dataset.source}")


def _train(settings: Settings, dataset: FashionMnist, output: Path, resume: bool, spread: Distribution) -> Trained:
    steps = -(-(len(dataset.train.images) - settings.validation) // settings.batch_size)
    bar = ProgressBar(settings.epochs, steps, say)
    callbacks = [bar] if spread.is_chief else []
    return loop.train(settings, dataset, output, resume=resume, callbacks=callbacks, spread=spread)


def _show_results(trained: Trained, dataset: FashionMnist) -> None:
    probabilities, measured = trained.test_probabilities, trained.results
    say(f"test loss {measured['test_loss']:.4f}, test accuracy {measured['test_accuracy']:.4f}")
    if "val_loss" in measured:
        say(f"held-out loss {measured['val_loss']:.4f}, held-out accuracy {measured['val_accuracy']:.4f}")
    _show_both_sides(trained, dataset)
    if own := keras_files.own_classes(trained.model):
        warn(f"{results.MODEL_FILE} holds {', '.join(own)} of {trained.settings.model}: who loads it needs that file")
    say(f"predictions {probabilities.shape} {probabilities.dtype}; of test image 0:")
    say("  " + " ".join(f"{probability:.2e}" for probability in probabilities[0]))
    answer, label = int(probabilities[0].argmax()), int(dataset.test.labels[0])
    say(f"  {answer} {CLASS_NAMES[answer]} {probabilities[0].max():.1%}; its label is {label} {CLASS_NAMES[label]}")


def _show_both_sides(trained: Trained, dataset: FashionMnist) -> None:
    """What looking at mirror images brings on the held-out images, with a warning where it costs."""
    if trained.once is None or not trained.settings.validation:
        return
    held_out = hold_out(dataset.train, trained.settings.validation)[1]
    twice, once, worse = validation.compare(trained.model, trained.once, held_out)
    say(f"held-out accuracy with --mirror, as written, {twice:.4f}; without it {once:.4f}")
    if worse:
        warn(f"warning: --mirror makes this model worse ({twice:.4f} instead of {once:.4f}); train without it")


def _draw(trained: Trained, dataset: FashionMnist, output: Path) -> None:
    """Draw the figures. Raises Interruption and TrainingError that say what is written already."""
    written = f"{results.MODEL_FILE} and {results.RECORD_FILE} are written to {output}"
    probabilities, history = trained.test_probabilities, trained.progress.history
    try:
        from fmnist_train import figures

        for path in figures.save_all(output / "figures", dataset.train, dataset.test, probabilities, history):
            say(f"{path}")
    except KeyboardInterrupt as error:
        raise Interruption(f"interrupted while the figures were drawn; {written}") from error
    except Exception as error:  # matplotlib's own
        raise TrainingError(f"the figures cannot be drawn ({one_line(error)}); {written}") from error
