"""The targets of training: labels, smoothed if wanted, mixed with the predictions of trained teachers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fmnist_keras import comparison, inference
from fmnist_runtime.data.dataset import to_float
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import TrainingError
from fmnist_train.models import keras_files

_BATCH = 1000
# Predictions are cached for moves by up to 3 pixels: 60,000 images x 98 placements x 10 probabilities are 235 MB.
_MOST_PLACEMENTS = 98


def load_model(path: Path) -> keras.Model:
    """The model in the .keras file `path`, compiled for inference: (N, 28, 28) float32 in 0..1 to 10 outputs.

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
    """The model in the .keras file `path` as a teacher. Raises TrainingError as `load_model`, and for logits."""
    model = load_model(path)
    outputs = inference.call(model, comparison.golden_images(model))
    if not are_probabilities(outputs):
        raise TrainingError(
            f"{path}: its outputs are not probabilities (one image's sum to {float(outputs[0].sum()):.3f}); give a "
            f"model that ends with a softmax"
        )
    return model


def are_probabilities(outputs: NDArray[Any]) -> bool:
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
    """Trained models and the mean of their predictions (an ensemble, Hinton et al. 2015, arXiv:1503.02531).

    They see the very images that the model learns from, mirrored and moved alike (Beyer et al. 2021, arXiv:2106.05237:
    "a good teacher is patient and consistent"). A prediction is cached for the same image in the same placement: with
    18 placements, 60 epochs need 17 predictions an image instead of 60.
    """

    def __init__(self, models: Sequence[keras.Model], images: int, placements: int) -> None:
        """Teachers of `images` images, each of which has `placements` (see augmentation.placement_count)."""
        self._models = models
        self._placements = placements
        cached = images * placements if placements <= _MOST_PLACEMENTS else 0
        self._is_cached = np.zeros(cached, bool)
        self._cache = np.zeros((cached, len(CLASS_NAMES)), np.float32)

    def mix(
        self,
        targets: NDArray[np.float32],
        images: NDArray[np.uint8],
        index: NDArray[np.int64],
        placement: NDArray[np.int64],
        weight: float,
    ) -> NDArray[np.float32]:
        """`targets`, (N, 10), mixed with the predictions for `images`, (N, 28, 28) uint8, which have `weight`.

        `index`, (N,), tells which image of the training set each is, `placement`, (N,), how it is mirrored and moved.
        """
        return targets * np.float32(1 - weight) + self._mean(images, index, placement) * np.float32(weight)

    def _mean(
        self, images: NDArray[np.uint8], index: NDArray[np.int64], placement: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        if not len(self._is_cached):
            return self._predict(images)
        predictions = np.empty((len(images), len(CLASS_NAMES)), np.float32)
        place = index * self._placements + placement
        cached = self._is_cached[place]
        predictions[cached] = self._cache[place[cached]]
        predictions[~cached] = self._predict(images[~cached])
        self._cache[place] = predictions
        self._is_cached[place] = True
        return predictions

    def _predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The mean of the probabilities, (N, 10) float32, that the teachers give for `images`, (N, 28, 28) uint8."""
        result = np.zeros((len(images), len(CLASS_NAMES)), np.float32)
        for start in range(0, len(images), _BATCH):
            batch = images[start : start + _BATCH]
            # Batches of one size: TensorFlow compiles for each shape, and no bit depends on an image's batch.
            full = to_float(np.pad(batch, ((0, _BATCH - len(batch)), (0, 0), (0, 0))))
            for model in self._models:
                result[start : start + _BATCH] += model.predict_on_batch(full)[: len(batch)]
        return result / np.float32(len(self._models))
