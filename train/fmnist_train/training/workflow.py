"""One training from its settings to its files in a locked output folder, and what it prints."""

from pathlib import Path

from fmnist_keras.messages import one_line
from fmnist_runtime.commandline import warn
from fmnist_runtime.data.dataset import Dataset, hold_out
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import Interruption, TrainingError
from fmnist_train.distributed.distribution import ONE_DEVICE, Distribution
from fmnist_train.models import keras_files
from fmnist_train.models.settings import TrainingSettings
from fmnist_train.training import loop, results, validation
from fmnist_train.training.progress import ProgressBar, say
from fmnist_train.training.results import TrainingResult


def run(
    settings: TrainingSettings,
    dataset: Dataset,
    output: Path,
    *,
    resume: bool = False,
    spread: Distribution = ONE_DEVICE,
) -> None:
    """Train by `settings`, write the results to `output`, which the caller has locked, and print the progress.

    Raises TrainingError where that is impossible. A failure after the training loses nothing: the checkpoint is kept
    until the files are written, and the files are written before the figures.
    """
    result = _train(settings, dataset, output, resume, spread)
    if not spread.is_chief:
        say(f"worker {spread.worker}: {settings.epochs} epochs are done; worker 0 writes the results")
        return
    saved = results.save(result, dataset, output)
    _show_results(saved, dataset)
    _draw_figures(saved, dataset, output)
    say(f"{output / results.MODEL_FILE}: next, fmnist-export {output / results.MODEL_FILE} --quantize")


def show_data(dataset: Dataset) -> None:
    """Print the shapes and labels of the data set, and its folder."""
    for name, split in (("training", dataset.train), ("test", dataset.test)):
        labels = " ".join(str(label) for label in split.labels[:3])
        say(
            f"{name} images {split.images.shape} {split.images.dtype}, {len(split.labels)} labels "
            f"{split.labels.min()} to {split.labels.max()} ({labels} ...)"
        )
    say(f"from {dataset.source}")


def _train(
    settings: TrainingSettings, dataset: Dataset, output: Path, resume: bool, spread: Distribution
) -> TrainingResult:
    steps = -(-(len(dataset.train.images) - settings.validation) // settings.batch_size)
    callbacks = [ProgressBar(settings.epochs, steps)] if spread.is_chief else []
    return loop.train(settings, dataset, output, resume=resume, callbacks=callbacks, spread=spread)


def _show_results(result: TrainingResult, dataset: Dataset) -> None:
    probabilities, measured = result.test_probabilities, result.results
    say(f"test loss {measured['test_loss']:.4f}, test accuracy {measured['test_accuracy']:.4f}")
    if "val_loss" in measured:
        say(f"held-out loss {measured['val_loss']:.4f}, held-out accuracy {measured['val_accuracy']:.4f}")
    _show_mirroring(result, dataset)
    if names := keras_files.custom_classes(result.model):
        warn(
            f"{results.MODEL_FILE} holds {', '.join(names)} of {result.settings.model}: whoever loads it needs that "
            f"file"
        )
    say(f"predictions {probabilities.shape} {probabilities.dtype}; of test image 0:")
    say("  " + " ".join(f"{probability:.2e}" for probability in probabilities[0]))
    index, label = int(probabilities[0].argmax()), int(dataset.test.labels[0])
    say(f"  {index} {CLASS_NAMES[index]} {probabilities[0].max():.1%}; its label is {label} {CLASS_NAMES[label]}")


def _show_mirroring(result: TrainingResult, dataset: Dataset) -> None:
    """Print what mirroring changes on the held-out images, with a warning where it costs accuracy."""
    if result.unmirrored is None or not result.settings.validation:
        return
    held_out = hold_out(dataset.train, result.settings.validation)[1]
    found = validation.compare(result.model, result.unmirrored, held_out)
    say(f"held-out accuracy with --mirror, as written, {found.mirrored:.4f}; without it {found.unmirrored:.4f}")
    if found.is_clearly_worse:
        warn(
            f"warning: --mirror makes this model worse ({found.mirrored:.4f} instead of {found.unmirrored:.4f}); train "
            f"without it"
        )


def _draw_figures(result: TrainingResult, dataset: Dataset, output: Path) -> None:
    """Draw the figures. Raises Interruption and TrainingError that name the files that are written already."""
    written = f"{results.MODEL_FILE} and {results.RECORD_FILE} are written to {output}"
    try:
        from fmnist_train import figures

        for path in figures.save_all(
            output / "figures", dataset.train, dataset.test, result.test_probabilities, result.progress.history
        ):
            say(f"{path}")
    except KeyboardInterrupt as error:
        raise Interruption(f"interrupted while the figures were drawn; {written}") from error
    except Exception as error:  # matplotlib's own
        raise TrainingError(f"the figures cannot be drawn ({one_line(error)}); {written}") from error
