"""MLPs of random weights, as .tflite: python -m fmnist_benchmarks.scaling.random_models FOLDER HIDDEN...

The tutorial's network with other numbers of hidden units, float32 and int8 (int8 inputs and outputs, a fixed batch of
one). The weights are random, because latency doesn't depend on what a model has learned. Needs tensorflow, in a process
of its own that `write` starts.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fmnist_runtime.commandline import warn
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.model.golden import read
from fmnist_runtime.model.shipped import golden_path


def write(folder: Path, hidden: Sequence[int]) -> list[Path]:
    """Write MLPs with `hidden` units into `folder`: all float32 files, then all int8 ones.

    Raises FmnistError where tensorflow is missing.
    """
    warn("making models of random weights with tensorflow")
    command = [sys.executable, "-m", "fmnist_benchmarks.scaling.random_models", str(folder), *map(str, hidden)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    if child.returncode != 0:
        reason = (child.stderr.strip().splitlines() or ["no reason was printed"])[-1]
        raise FmnistError(f"making the models failed ({reason}); they need pip install 'fmnist-edge[train]'")
    return [Path(path) for path in json.loads(child.stdout.splitlines()[-1])]


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
    """The .tflite of an MLP with `units` hidden units; `precision` is "float32" or "int8"."""
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
    """Real images: on noise all units of a small model may be dead, and an empty range has no scale."""
    for image in read(golden_path()).images:
        yield [image[np.newaxis] / np.float32(255)]


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(units) for units in sys.argv[2:]])
