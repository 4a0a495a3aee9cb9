"""Train on a small part of the data as TF_CONFIG says, or alone; print accuracy and a digest of the weights as JSON.

worker.py FOLDER MODEL EPOCHS [resume]
"""

import hashlib
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import keras

from fmnist_runtime.data import fashion_mnist
from fmnist_runtime.data.dataset import Split
from fmnist_train.distributed import cluster, distribution
from fmnist_train.models.settings import TrainingSettings
from fmnist_train.training import loop


def build() -> keras.Model:
    """A model with what behaves in another way when it is distributed: batch normalization and dropout."""
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Reshape((28, 28, 1)),
            keras.layers.Conv2D(8, 4, strides=4, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def main() -> None:
    folder, model, epochs, *resume = sys.argv[1:]
    Path(folder).mkdir(exist_ok=True)
    workers = cluster.read(os.environ)
    if workers:
        cluster.wait(workers, 60, print)
    spread = distribution.multi_worker(workers) if workers else distribution.ONE_DEVICE
    everything = fashion_mnist.load()
    train, test = everything.train, everything.test
    small = replace(
        everything,
        train=Split(train.images[:2200], train.labels[:2200]),
        test=Split(test.images[:1000], test.labels[:1000]),
    )
    settings = TrainingSettings(model, int(epochs), batch_size=64, schedule="constant", validation=200)
    trained = loop.train(settings, small, Path(folder), resume=bool(resume), callbacks=[], spread=spread)
    weights = b"".join(weight.tobytes() for weight in trained.model.get_weights())
    result = {
        "worker": spread.worker,
        "accuracy": trained.results["test_accuracy"],
        "history": trained.progress.history,
        "weights": hashlib.sha256(weights).hexdigest(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
