"""The result of a training: model, metrics and predictions, and training.json, the record of how it was made."""

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
from fmnist_runtime.data.dataset import Dataset, Split, hold_out, to_float
from fmnist_runtime.data.fashion_mnist_files import DIGESTS
from fmnist_runtime.errors import TrainingError
from fmnist_runtime.system.atomic import write_together
from fmnist_runtime.system.digests import sha256
from fmnist_train.models import builders, keras_files, record_files
from fmnist_train.models.distillation import are_probabilities
from fmnist_train.models.settings import TrainingSettings
from fmnist_train.training import checkpoint_record
from fmnist_train.training.checkpoint_record import Progress

MODEL_FILE = "model.keras"
RECORD_FILE = "training.json"
EVALUATION_BATCH = 1000
DATA_NAME = "fashion-mnist"
# The real numbers that the pixels 0 and 255 become in training (dataset.to_float).
PIXELS = [0.0, 1.0]


@dataclass(frozen=True)
class TrainingResult:
    """A trained model, how it was trained, its metrics, and its predictions for the test images, (N, 10) float32.

    `results` are loss and accuracy by their names in training.json, on the test images and on the held-out training
    images, if any. `replicas` is the number of devices, on all workers, that shared each batch. `sources` holds the
    digests of the files that decided the weights. `unmirrored` is the model before it was mirrored, None without
    --mirror.
    """

    model: keras.Model
    settings: TrainingSettings
    progress: Progress
    results: dict[str, float]
    test_probabilities: NDArray[np.float32]
    replicas: int = 1
    sources: Mapping[str, str] = field(default_factory=dict)
    unmirrored: keras.Model | None = None


def evaluate(
    model: keras.Model, settings: TrainingSettings, progress: Progress, test: Split, validation: Split
) -> TrainingResult:
    """The result of a training: `model` evaluated on the images of `test` and `validation`."""
    probabilities = predict(model, test)
    results = metrics("test", probabilities, test)
    if len(validation.images):
        results |= metrics("val", predict(model, validation), validation)
    return TrainingResult(model, settings, progress, results, probabilities)


def save(trained: TrainingResult, dataset: Dataset, folder: Path) -> TrainingResult:
    """Write model.keras and training.json to `folder`, both or none, and remove the checkpoint.

    The results that are recorded and returned are those of the written file, which is loaded and evaluated before it
    gets its name. Raises TrainingError where its predictions for the test images are not those of the trained model.
    """
    path = folder / MODEL_FILE
    objects = builders.custom_objects(trained.settings.model)
    if objects is not None:
        objects |= keras_files.custom_objects(trained.model)
    with keras_files.temporary_file(trained.model, path) as temporary:
        loaded = keras_files.read(temporary, objects, compiled=False)
        validation = hold_out(dataset.train, trained.settings.validation)[1]
        of_file = evaluate(loaded, trained.settings, trained.progress, dataset.test, validation)
        _check_same(trained, of_file, path)
        content = temporary.read_bytes()
    saved = replace(trained, results=of_file.results, test_probabilities=of_file.test_probabilities)
    record = record_files.to_bytes(_record(saved, dataset, sha256(content)))
    write_together({path: content, folder / RECORD_FILE: record})
    checkpoint_record.remove(folder)
    return saved


def predict(model: keras.Model, split: Split) -> NDArray[np.float32]:
    """The probabilities, (N, 10) float32, that `model` gives for the images of `split`."""
    return _probabilities(model.predict(to_float(split.images), batch_size=EVALUATION_BATCH, verbose=0))


def metrics(name: str, probabilities: NDArray[np.float32], split: Split) -> dict[str, float]:
    """The loss and the accuracy of `probabilities`, (N, 10), on `split`, as `name`_loss and `name`_accuracy."""
    losses = keras.losses.sparse_categorical_crossentropy(split.labels.astype(np.int32), probabilities)
    accuracy = np.mean(probabilities.argmax(axis=1) == split.labels)
    # The mean of float32 numbers has no more significant places.
    return {f"{name}_loss": round(float(np.mean(losses)), 6), f"{name}_accuracy": float(accuracy)}


def _check_same(trained: TrainingResult, of_file: TrainingResult, path: Path) -> None:
    found = comparison.difference(
        trained.test_probabilities, of_file.test_probabilities, comparison.tolerance(trained.model)
    )
    if found:
        raise TrainingError(
            f"{path}: the file that Keras wrote is not the trained model ({found}; test accuracy "
            f"{of_file.results['test_accuracy']:.4f} instead of {trained.results['test_accuracy']:.4f}); nothing was "
            f"published, and the checkpoint is kept: mend the model's own layers, then --resume"
        )


def _probabilities(outputs: NDArray[Any]) -> NDArray[np.float32]:
    """`outputs`, (N, 10), if they are probabilities, else their softmax: a compiled model may give logits."""
    given = np.asarray(outputs, np.float32)
    return given if are_probabilities(outputs) else np.asarray(keras.ops.softmax(given), np.float32)


def _record(trained: TrainingResult, dataset: Dataset, model_sha256: str) -> dict[str, Any]:
    return {
        "settings": asdict(trained.settings),
        **_compilation(trained),
        "parameters": trained.model.count_params(),
        **_source_records(trained),
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


def _compilation(trained: TrainingResult) -> dict[str, str]:
    """The optimizer and the loss: those of a person's own compiled model, or those of the settings."""
    model = trained.model
    if model.compiled:
        loss = model.loss if isinstance(model.loss, str) else getattr(model.loss, "name", type(model.loss).__name__)
        return {"optimizer": type(model.optimizer).__name__, "loss": loss}
    return {"optimizer": "adamw" if trained.settings.weight_decay else "adam", "loss": trained.settings.loss}


def _source_records(trained: TrainingResult) -> dict[str, Any]:
    """The digests of the files that the training used: the builder of the model, the teachers, the first weights."""
    settings, found = trained.settings, dict[str, Any]()
    if builders.is_reference(settings.model):
        found["builder_sha256"] = trained.sources[settings.model.rpartition(":")[0]]
    if settings.teacher:
        found["teachers"] = [{"model": path, "model_sha256": trained.sources[path]} for path in settings.teacher]
    if settings.start:
        found["start"] = {"model": settings.start, "model_sha256": trained.sources[settings.start]}
    return found
