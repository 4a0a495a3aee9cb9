"""What a model learns from: the labels, smoothed if wanted, mixed with the answers of trained teachers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fmnist_keras import comparison, inference
from fmnist_runtime.data.fashion_mnist import to_float
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import TrainingError
from fmnist_train.models import keras_files

_BATCH = 1000
# Answers are kept for moves by up to 3 pixels: 60,000 images x 98 ways x 10 probabilities are 235 MB.
_MOST_WAYS = 98


def load_model(path: Path) -> keras.Model:
    """The model in the .keras file `path`, compiled for answering (N, 28, 28) float32 in 0..1 with 10 outputs.

    Raises TrainingError where it is missing, not a model or has another interface.
    """
    if not path.is_file():
        raise TrainingError(f"{path}: no such file, expected a trained model; train one with fmnist-train")
    try:
        model = keras_files.read(path, compiled=False)
    except TrainingError as error:
        raise TrainingError(f"{error}; give a .keras file of Keras's own layers") from error
    if model.input_shape not in ((None, 28, 28), (None, 28, 28, 1)) or model.output_shape != (None, len(CLASS_NAMES)):
        raise TrainingError(
            f"{path}: takes {model.input_shape} and gives {model.output_shape}, expected (None, 28, 28) and "
            f"(None, {len(CLASS_NAMES)}); give a model for Fashion-MNIST"
        )
    model.compile(jit_compile=False)
    return model


def load_teacher(path: Path) -> keras.Model:
    """The model in the .keras file `path` to learn from. Raises TrainingError as `load_model`, and for logits."""
    model = load_model(path)
    answers = inference.call(model, comparison.golden_images(model))
    if not gives_probabilities(answers):
        raise TrainingError(
            f"{path}: its answers are no probabilities (one image's sum to {float(answers[0].sum()):.3f}); give a "
            f"model that ends with a softmax"
        )
    return model


def gives_probabilities(outputs: NDArray[Any]) -> bool:
    """Whether each row of `outputs`, (N, classes), is finite, not negative, and sums to 1."""
    allowed = 1e-3 if outputs.dtype in (np.float32, np.float64) else 2e-2
    return bool(np.isfinite(outputs).all() and outputs.min() >= 0) and bool(
        np.allclose(outputs.astype(np.float32).sum(axis=1), 1, atol=allowed)
    )


def smoothed(labels: NDArray[np.uint8], smoothing: float) -> NDArray[np.float32]:
    """(N, 10) float32: 1 - `smoothing` for the label of each of (N,), and `smoothing` spread over all classes evenly.

    Source: Szegedy et al. 2015, arXiv:1512.00567, section 7.
    """
    size = len(CLASS_NAMES)
    targets = np.full((len(labels), size), smoothing / size, np.float32)
    targets[np.arange(len(labels)), labels] += 1 - smoothing
    return targets


class Teachers:
    """Trained models and the mean of their answers (an ensemble, Hinton et al. 2015, arXiv:1503.02531).

    They see the very images, mirrored and moved as they are, that the model learns from (Beyer et al. 2021,
    arXiv:2106.05237: "a good teacher is patient and consistent"). An answer is kept for when the same image is changed
    in the same way again: with 18 ways, 60 epochs ask for 17 answers an image instead of 60.
    """

    def __init__(self, models: Sequence[keras.Model], images: int, ways: int) -> None:
        """Teachers of `images` images, each of which can be changed in `ways` ways."""
        self._models = models
        self._ways = ways
        kept = images * ways if ways <= _MOST_WAYS else 0
        self._known = np.zeros(kept, bool)
        self._answers = np.zeros((kept, len(CLASS_NAMES)), np.float32)

    def mixed(
        self,
        targets: NDArray[np.float32],
        images: NDArray[np.uint8],
        index: NDArray[np.int64],
        way: NDArray[np.int64],
        weight: float,
    ) -> NDArray[np.float32]:
        """`targets`, (N, 10), mixed with the answers to `images`, (N, 28, 28) uint8: `weight` of the latter.

        `images` are those of number `index`, (N,), of all images, changed in `way`, (N,).
        """
        return targets * np.float32(1 - weight) + self._mean(images, index, way) * np.float32(weight)

    def _mean(self, images: NDArray[np.uint8], index: NDArray[np.int64], way: NDArray[np.int64]) -> NDArray[np.float32]:
        if not len(self._known):
            return self._ask(images)
        answers = np.empty((len(images), len(CLASS_NAMES)), np.float32)
        place = index * self._ways + way
        known = self._known[place]
        answers[known] = self._answers[place[known]]
        answers[~known] = self._ask(images[~known])
        self._answers[place] = answers
        self._known[place] = True
        return answers

    def _ask(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The mean of the probabilities, (N, 10) float32, that the teachers give to `images`, (N, 28, 28) uint8."""
        result = np.zeros((len(images), len(CLASS_NAMES)), np.float32)
        for start in range(0, len(images), _BATCH):
            batch = images[start : start + _BATCH]
            # Always as many: TensorFlow compiles for each shape, and which batch an image is in changes no bit then.
            full = to_float(np.pad(batch, ((0, _BATCH - len(batch)), (0, 0), (0, 0))))
            for model in self._models:
                result[start : start + _BATCH] += model.predict_on_batch(full)[: len(batch)]
        return result / np.float32(len(self._models))
