"""A family of MLPs of random weights, as .tflite: python -m fmnist_benchmarks.scaling.family FOLDER HIDDEN...

The tutorial's network with another number of hidden units, from 10 KB to 10 MB, float32 and int8 (integers inside, a
fixed batch of one). Random weights, because a latency doesn't depend on what a model has learned. Needs tensorflow.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fmnist_runtime.model.golden import read
from fmnist_runtime.model.shipped import golden_path


def main(folder: Path, hidden: list[int]) -> None:
    """Write both files for each number of units and print their paths as JSON."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    paths = []
    for precision in ("float32", "int8"):
        for units in hidden:
            path = folder / f"mlp{units}-{precision}.tflite"
            path.write_bytes(convert(units, precision))
            paths.append(str(path))
    print(json.dumps(paths))


def convert(units: int, precision: str) -> bytes:
    """The .tflite of an MLP with `units` hidden units."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(1, 28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if precision == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = _calibration
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _calibration() -> Iterator[list[Any]]:
    """Real images: on noise a small model's units may all be dead, and a range of nothing has no scale."""
    for image in read(golden_path()).images:
        yield [image[np.newaxis] / np.float32(255)]


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(units) for units in sys.argv[2:]])
