"""Keras's answers to the test images, computed once by the loaded model: the reference of every proof."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fmnist_export.source import chance_level
from fmnist_export.source.loaded_model import LoadedModel, Statement
from fmnist_keras import inference
from fmnist_runtime.data.dataset import Dataset
from fmnist_runtime.data.fashion_mnist_files import NAME as FASHION_MNIST
from fmnist_runtime.errors import ExportError


@dataclass(frozen=True)
class ReferenceAnswers:
    """The test set with Keras's answers to it.

    `images` (N, 28, 28) uint8; `labels` (N,) uint8, the true classes; `probabilities` (N, classes) float32, the softmax
    of the outputs where the model ends in logits.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    probabilities: NDArray[np.float32]

    @cached_property
    def classes(self) -> NDArray[np.intp]:
        """The class to which Keras gives the highest probability, (N,)."""
        classes: NDArray[np.intp] = self.probabilities.argmax(axis=1)
        return classes

    @property
    def accuracy(self) -> float:
        """The share of the images on which Keras is right."""
        return float(np.mean(self.classes == self.labels))


def compute(loaded: LoadedModel, dataset: Dataset, stated: Statement, say: Callable[[str], None]) -> ReferenceAnswers:
    """Run the loaded Keras model on the test images of `dataset`.

    Raises ExportError where an output is not a finite number, where the model does not seem to be trained for
    `dataset`, or where its accuracy is below the one required by `stated`.
    """
    test = dataset.test
    outputs = inference.predict(loaded.model, loaded.inputs(test.images))
    if not np.isfinite(outputs).all():
        raise ExportError(
            f"{loaded.path}: its outputs are not finite numbers; train it again with a lower learning rate"
        )
    answers = ReferenceAnswers(test.images, test.labels, probabilities(outputs))
    _check_accuracy(answers, loaded, dataset.name, stated, say)
    return answers


def probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """`outputs`, (N, classes), where all values are in 0..1, else their softmax: (N, classes) float32."""
    if outputs.min() >= 0 and outputs.max() <= 1:
        return outputs
    powers = np.exp(outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True))
    result: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


def _check_accuracy(
    answers: ReferenceAnswers, loaded: LoadedModel, data: str, stated: Statement, say: Callable[[str], None]
) -> None:
    """Refuse a model that is not for the data set called `data`, or is right on too few of its test images."""
    labels, accuracy = answers.labels, answers.accuracy
    chance = chance_level.accuracy(labels)
    result = f"{loaded.path}: right on {accuracy:.4f} of {len(labels):,} {data} test images"
    if loaded.record is None and not stated.data_is_given:
        if not chance_level.is_clearly_exceeded(accuracy, labels):
            raise ExportError(
                f"{result}, too few for a model of {FASHION_MNIST} ({chance:.4f} is chance), and no training.json "
                f"names its data set; give its images with --data DIR and its classes with --labels FILE, or its pixel "
                f"range with --pixels LOW..HIGH"
            )
        say(f"assumed to be a model of {FASHION_MNIST}: {accuracy:.4f} of its test images are right")
    if stated.minimum_accuracy is None and not chance_level.is_exceeded(accuracy, labels):
        raise ExportError(
            f"{result}, which is not above chance ({chance:.4f}); check --pixels, --labels and --data, or export it "
            f"anyway with --min-accuracy 0"
        )
    if stated.minimum_accuracy is not None and accuracy < stated.minimum_accuracy:
        raise ExportError(f"{result}, expected at least {stated.minimum_accuracy:.4f} (--min-accuracy)")
