"""Small perceptrons trained on a known range of pixels, saved and loaded as fmnist-export loads them."""

import json
from pathlib import Path

import keras
import keras_models as models
import numpy as np
from keras import layers

from fmnist_export.source import loaded_model, reference_answers
from fmnist_export.source.loaded_model import LoadedModel, Statement
from fmnist_export.source.reference_answers import ReferenceAnswers
from fmnist_runtime.data.fashion_mnist_files import DIGESTS
from fmnist_runtime.system.digests import sha256

IMAGES = 6_400


def train(
    low: float, high: float, *end, loss="sparse_categorical_crossentropy", parts=(), split=None, epochs=5, count=IMAGES
):
    """A perceptron with the last layers `end`, trained on pixels of `low` to `high`; its inputs' accuracy is known."""
    keras.utils.set_random_seed(2)
    split = split or models.dataset().train
    model = keras.Sequential([keras.Input((28, 28)), *parts, layers.Flatten(), layers.Dense(64, "relu"), *end])
    images = low + split.images[:count].astype(np.float32) / 255 * np.float32(high - low)
    model.compile(keras.optimizers.Adam(0.002), loss, steps_per_execution=50)
    model.fit(images, split.labels[:count].astype(np.int32), batch_size=64, epochs=epochs, verbose=0)
    return model


def save(model, folder: Path) -> Path:
    model.save(folder / "model.keras")
    return folder / "model.keras"


def load(path: Path, stated: Statement = loaded_model.NOTHING_STATED, dataset=None) -> LoadedModel:
    return load_with_answers(path, stated, dataset)[0]


def load_with_answers(
    path: Path, stated: Statement = loaded_model.NOTHING_STATED, dataset=None
) -> tuple[LoadedModel, ReferenceAnswers]:
    said: list[str] = []
    dataset = dataset or models.dataset()
    loaded = loaded_model.load(path, dataset, stated, said.append)
    return loaded, reference_answers.compute(loaded, dataset, stated, said.append)


def with_record(path: Path, **changes: object) -> Path:
    record = {"model_sha256": sha256(path.read_bytes()), "data": {"sha256": DIGESTS}, **changes}
    path.with_name("training.json").write_text(json.dumps(record))
    return path
