"""What comes out of a training: the model, its answers to the test images, and the record of how it came to be."""

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import fmnist_runtime
from fmnist_runtime.dataset import DIGESTS, Split
from fmnist_runtime.files import sha256, write_atomically
from fmnist_train import builders, checkpoints
from fmnist_train.checkpoints import Progress
from fmnist_train.data import FashionMnist, to_float
from fmnist_train.settings import Settings

MODEL_FILE = "model.keras"
RECORD_FILE = "training.json"
EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class Trained:
    """A trained model, how it came to be, its `results`, and its answers to the test images, (N, 10) float32.

    `results` are the loss and the accuracy, by their names in training.json: on the test images, and on the training
    images that were held out, if any. `replicas` is the number of devices, on all workers, that shared each batch.
    """

    model: keras.Model
    settings: Settings
    progress: Progress
    results: dict[str, float]
    test_probabilities: NDArray[np.float32]
    replicas: int = 1


def evaluate(model: keras.Model, settings: Settings, progress: Progress, test: Split, validation: Split) -> Trained:
    """`model`, trained by `settings` as `progress` says, with its results on the images of `test` and `validation`."""
    probabilities = _answers(model, test)
    results = _results("test", probabilities, test)
    if len(validation.images):
        results |= _results("val", _answers(model, validation), validation)
    return Trained(model, settings, progress, results, probabilities)


def save(trained: Trained, dataset: FashionMnist, folder: Path) -> None:
    """Write model.keras and training.json to `folder`, each whole or not at all, and drop the checkpoints."""
    checkpoints.save_model(trained.model, folder / MODEL_FILE)
    record = json.dumps(_record(trained, dataset, folder), indent=1)
    write_atomically(folder / RECORD_FILE, (record + "\n").encode())
    checkpoints.remove(folder)


def _answers(model: keras.Model, split: Split) -> NDArray[np.float32]:
    return _probabilities(model.predict(to_float(split.images), batch_size=EVALUATION_BATCH, verbose=0))


def _results(name: str, probabilities: NDArray[np.float32], split: Split) -> dict[str, float]:
    losses = keras.losses.sparse_categorical_crossentropy(split.labels.astype(np.int32), probabilities)
    accuracy = np.mean(probabilities.argmax(axis=1) == split.labels)
    # The mean of float32 numbers is not known to more places.
    return {f"{name}_loss": round(float(np.mean(losses)), 6), f"{name}_accuracy": float(accuracy)}


def _probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """`outputs`, (N, 10), where they are probabilities, else (a compiled model may give logits) their softmax."""
    if outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
        return outputs
    return np.asarray(keras.ops.softmax(outputs), np.float32)


def _record(trained: Trained, dataset: FashionMnist, folder: Path) -> dict[str, Any]:
    return {
        "settings": asdict(trained.settings),
        **_compiled(trained),
        "parameters": trained.model.count_params(),
        **_others(trained.settings),
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
        "data": {"images": len(dataset.train.images), "sha256": DIGESTS},
        "model_sha256": sha256((folder / MODEL_FILE).read_bytes()),
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


def _others(settings: Settings) -> dict[str, Any]:
    """What the training took from other files: the function that built the model, the teachers, the first weights."""
    others: dict[str, Any] = {}
    if path := builders.file_of(settings.model):
        others["builder_sha256"] = sha256(path.read_bytes())
    if settings.teacher:
        others["teachers"] = [_digest(path) for path in settings.teacher]
    if settings.start:
        others["start"] = _digest(settings.start)
    return others


def _digest(path: str) -> dict[str, str]:
    return {"model": path, "model_sha256": sha256(Path(path).read_bytes())}
