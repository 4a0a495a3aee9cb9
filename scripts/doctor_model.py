"""The recipe of the tiny model that fmnist-doctor runs: python scripts/doctor_model.py OUTPUT.tflite

Four averages of a 14x14 quarter each, then a Dense layer with weights that are plain to see: class k is likelier the
brighter the quarter k % 4 is. So a person can work out the answer, and fmnist_runtime.device.doctor states it.
"""

import sys
from pathlib import Path

import keras
import numpy as np

import fmnist_runtime
from fmnist_export.convert.converter import convert
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.images.types import CONVENTION
from fmnist_runtime.model import model_file
from fmnist_runtime.system.atomic import write_atomically


def main(output: Path) -> None:
    """Write the model file to `output`."""
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Reshape((28, 28, 1)),
            keras.layers.AveragePooling2D(14),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    classes = np.arange(10)
    weights = np.float32(4) * (classes % 4 == np.arange(4)[:, np.newaxis]) / (1 + classes // 4)
    model.layers[-1].set_weights([weights.astype(np.float32), np.zeros(10, np.float32)])
    flatbuffer = convert(model, "float32", np.zeros((1, 28, 28), np.float32)).content
    description = model_file.describe(
        flatbuffer,
        CLASS_NAMES,
        precision="float32",
        input={"shape": [1, 28, 28], "dtype": "float32", "range": [0.0, 1.0], "pixels": CONVENTION},
        made_by=f"scripts/doctor_model.py of fmnist-edge {fmnist_runtime.__version__}",
    )
    write_atomically(output, model_file.pack(flatbuffer, CLASS_NAMES, description))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
