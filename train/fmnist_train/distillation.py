"""What a model learns from: the labels, smoothed if wanted, mixed with the answers of a trained teacher."""

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.commandline import quiet_stderr
from fmnist_runtime.errors import TrainingError
from fmnist_runtime.labels import CLASS_NAMES

_BATCH = 1000


def load_teacher(path: Path) -> keras.Model:
    """The model in the .keras file `path`, compiled for answering (N, 28, 28) float32 in 0..1 with 10 probabilities.

    Raises TrainingError where it is missing, not a model or has another interface.
    """
    if not path.is_file():
        raise TrainingError(f"{path}: no such file, expected a trained teacher; train one with fmnist-train")
    try:
        with quiet_stderr():
            model = keras.models.load_model(path, compile=False)
    except Exception as error:  # keras raises whatever its layers or zipfile raise
        reason = " ".join(str(error).split())[:100]
        raise TrainingError(f"{path}: not a model that Keras can load ({reason}); give a .keras file") from error
    if model.input_shape not in ((None, 28, 28), (None, 28, 28, 1)) or model.output_shape != (None, len(CLASS_NAMES)):
        raise TrainingError(
            f"{path}: takes {model.input_shape} and gives {model.output_shape}, expected (None, 28, 28) and "
            f"(None, {len(CLASS_NAMES)}); give a teacher for Fashion-MNIST"
        )
    model.compile(jit_compile=False)
    return model


def smoothed(labels: NDArray[np.uint8], smoothing: float) -> NDArray[np.float32]:
    """(N, 10) float32: 1 - `smoothing` for the label of each of (N,), and `smoothing` spread over all classes evenly.

    Source: Szegedy et al. 2015, arXiv:1512.00567, section 7.
    """
    size = len(CLASS_NAMES)
    targets = np.full((len(labels), size), smoothing / size, np.float32)
    targets[np.arange(len(labels)), labels] += 1 - smoothing
    return targets


def mixed(
    targets: NDArray[np.float32], teacher: keras.Model, images: NDArray[np.float32], weight: float
) -> NDArray[np.float32]:
    """`targets`, (N, 10), mixed with what `teacher` answers to `images`, (N, 28, 28): `weight` of the latter.

    The teacher sees the very images, changed as they are, that the model learns from (Beyer et al. 2021,
    arXiv:2106.05237: "a good teacher is patient and consistent").
    """
    return targets * np.float32(1 - weight) + teacher_answers(teacher, images) * np.float32(weight)


def teacher_answers(teacher: keras.Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probabilities, (N, 10) float32, that `teacher` gives to `images`, (N, 28, 28) float32."""
    answers = [teacher.predict_on_batch(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH)]
    result: NDArray[np.float32] = np.concatenate(answers)
    return result
