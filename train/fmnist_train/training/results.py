"""What comes out of a training: the model, its answers to the test images, and the record of how it came to be."""

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import fmnist_runtime
from fmnist_keras import comparison
from fmnist_runtime.data.fashion_mnist import FashionMnist, hold_out, to_float
from fmnist_runtime.data.fashion_mnist_files import DIGESTS, Split
from fmnist_runtime.errors import TrainingError
from fmnist_runtime.system.atomic import sha256, write_together
from fmnist_train.models import builders, keras_files, records
from fmnist_train.models.distillation import gives_probabilities
from fmnist_train.models.recipes import Settings
from fmnist_train.training import checkpoint_record
from fmnist_train.training.checkpoint_record import Progress

MODEL_FILE = "model.keras"
RECORD_FILE = "training.json"
EVALUATION_BATCH = 1000
DATA_NAME = "fashion-mnist"
# The real numbers that the pixels 0 and 255 become in training (data.to_float).
PIXELS = [0.0, 1.0]


@dataclass(frozen=True)
class Trained:
    """A trained model, how it came to be, its `results`, and its answers to the test images, (N, 10) float32.

    `results` are the loss and the accuracy, by their names in training.json: on the test images, and on the training
    images that were held out, if any. `replicas` is the number of devices, on all workers, that shared each batch.
    `sources` are the digests of the files that decided it, `once` the model before it was made to look at mirror
    images, too, None where it doesn't.
    """

    model: keras.Model
    settings: Settings
    progress: Progress
    results: dict[str, float]
    test_probabilities: NDArray[np.float32]
    replicas: int = 1
    sources: Mapping[str, str] = field(default_factory=dict)
    once: keras.Model | None = None


def evaluate(model: keras.Model, settings: Settings, progress: Progress, test: Split, validation: Split) -> Trained:
    """`model`, trained by `settings` as `progress` says, with its results on the images of `test` and `validation`."""
    probabilities = answers(model, test)
    results = figures_of("test", probabilities, test)
    if len(validation.images):
        results |= figures_of("val", answers(model, validation), validation)
    return Trained(model, settings, progress, results, probabilities)


def save(trained: Trained, dataset: FashionMnist, folder: Path) -> Trained:
    """Write model.keras and training.json to `folder`, both or none, and drop the checkpoints.

    What is recorded, and returned, are the results of the file as it was written: it is loaded and evaluated before it
    gets its name. Raises TrainingError where it does not answer all test images as the trained model does.
    """
    path = folder / MODEL_FILE
    objects = builders.objects(trained.settings.model)
    if objects is not None:
        objects |= keras_files.objects_of(trained.model)
    with keras_files.written(trained.model, path) as temporary:
        loaded = keras_files.read(temporary, objects, compiled=False)
        validation = hold_out(dataset.train, trained.settings.validation)[1]
        of_file = evaluate(loaded, trained.settings, trained.progress, dataset.test, validation)
        _check_same(trained, of_file, path)
        content = temporary.read_bytes()
    saved = replace(trained, results=of_file.results, test_probabilities=of_file.test_probabilities)
    record = records.to_bytes(_record(saved, dataset, sha256(content)))
    write_together({path: content, folder / RECORD_FILE: record})
    checkpoint_record.remove(folder)
    return saved


def answers(model: keras.Model, split: Split) -> NDArray[np.float32]:
    """The probabilities, (N, 10) float32, that `model` gives to the images of `split`."""
    return _probabilities(model.predict(to_float(split.images), batch_size=EVALUATION_BATCH, verbose=0))


def figures_of(name: str, probabilities: NDArray[np.float32], split: Split) -> dict[str, float]:
    """The loss and the accuracy of `probabilities`, (N, 10), for `split`, as `name`_loss and `name`_accuracy."""
    losses = keras.losses.sparse_categorical_crossentropy(split.labels.astype(np.int32), probabilities)
    accuracy = np.mean(probabilities.argmax(axis=1) == split.labels)
    # The mean of float32 numbers is not known to more places.
    return {f"{name}_loss": round(float(np.mean(losses)), 6), f"{name}_accuracy": float(accuracy)}


def _check_same(trained: Trained, of_file: Trained, path: Path) -> None:
    found = comparison.difference(
        trained.test_probabilities, of_file.test_probabilities, comparison.tolerance(trained.model)
    )
    if found:
        raise TrainingError(
            f"{path}: the file that Keras wrote is not the trained model ({found}; test accuracy "
            f"{of_file.results['test_accuracy']:.4f} instead of {trained.results['test_accuracy']:.4f}); nothing was "
            f"published, and the checkpoint stays: mend the model's own layers, then --resume"
        )


def _probabilities(outputs: NDArray[Any]) -> NDArray[np.float32]:
    """`outputs`, (N, 10), where they are probabilities, else (a compiled model may give logits) their softmax."""
    given = np.asarray(outputs, np.float32)
    return given if gives_probabilities(outputs) else np.asarray(keras.ops.softmax(given), np.float32)


def _record(trained: Trained, dataset: FashionMnist, model_sha256: str) -> dict[str, Any]:
    return {
        "settings": asdict(trained.settings),
        **_compiled(trained),
        "parameters": trained.model.count_params(),
        **_others(trained),
        "command": f"fmnist-train {trained.settings.options()}",
        "versions": {
            "fmnist-edge": fmnist_runtime.__version__,
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "replicas": trained.replicas,
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "data": {"name": DATA_NAME, "images": len(dataset.train.images), "sha256": DIGESTS},
        "pixels": PIXELS,
        "model_sha256": model_sha256,
        "history": trained.progress.history,
        "seconds": trained.progress.seconds,
        "results": trained.results,
    }


def _compiled(trained: Trained) -> dict[str, str]:
    """The optimizer and the loss: those that a person's own model was compiled with, or ours."""
    model = trained.model
    if model.compiled:
        loss = model.loss if isinstance(model.loss, str) else getattr(model.loss, "name", type(model.loss).__name__)
        return {"optimizer": type(model.optimizer).__name__, "loss": loss}
    return {"optimizer": "adamw" if trained.settings.weight_decay else "adam", "loss": trained.settings.loss}


def _others(trained: Trained) -> dict[str, Any]:
    """What the training took from other files: the function that built the model, the teachers, the first weights."""
    settings, others = trained.settings, dict[str, Any]()
    if builders.is_reference(settings.model):
        others["builder_sha256"] = trained.sources[settings.model.rpartition(":")[0]]
    if settings.teacher:
        others["teachers"] = [{"model": path, "model_sha256": trained.sources[path]} for path in settings.teacher]
    if settings.start:
        others["start"] = {"model": settings.start, "model_sha256": trained.sources[settings.start]}
    return others
