"""What of Keras 3's distributed training works here; the findings are in docs/distribution.md.

    python scripts/try_distribution.py mirrored [--devices 2]             tf.distribute.MirroredStrategy
    python scripts/try_distribution.py multi-worker [--patched]           MultiWorkerMirroredStrategy, two processes
    python scripts/try_distribution.py jax [--numpy]                      keras.distribution on JAX, two processes
    python scripts/try_distribution.py alone|jax-alone                    one process, to compare

Two epochs of the tutorial's model on 6,400 images in batches of 32; prints loss, accuracy, the sum of all weights and
the images a second of each epoch. `--steps N` and `--xla` are steps_per_execution and jit_compile, `--cnn` takes a
model with batch normalization and dropout, `--save` saves and loads it. Needs the package; `jax` needs jax beside it.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

IMAGES, TESTED, BATCH = 6400, 2000, 32


def main() -> None:
    """Run what is asked for, in two processes where it is for several workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=["alone", "mirrored", "multi-worker", "jax-alone", "jax"])
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1)
    for name in ("--patched", "--numpy", "--xla", "--cnn", "--save"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--worker", type=int, default=-1, help=argparse.SUPPRESS)
    parser.add_argument("--ports", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way in ("multi-worker", "jax") and options.worker < 0:
        _start_two()
    else:
        _train(options)


def _start_two() -> None:
    sockets = [socket.create_server(("", 0)) for _ in range(2)]
    ports = ",".join(str(listener.getsockname()[1]) for listener in sockets)
    for listener in sockets:
        listener.close()
    command = [sys.executable, *sys.argv, "--ports", ports, "--worker"]
    children = [subprocess.Popen([*command, str(worker)]) for worker in range(2)]
    sys.exit(max(abs(child.wait()) for child in children))


def _train(options: argparse.Namespace) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    worker = max(options.worker, 0)
    strategy = _jax(options) if options.way.startswith("jax") else _tensorflow(options)
    import keras
    import numpy as np
    import tensorflow as tf

    from fmnist_runtime.data import fashion_mnist
    from fmnist_runtime.data.dataset import to_float

    dataset = fashion_mnist.load()
    images, labels = (
        to_float(dataset.train.images[:IMAGES]),
        dataset.train.labels[:IMAGES].astype(np.int32),
    )
    tests, answers = to_float(dataset.test.images[:TESTED]), dataset.test.labels[:TESTED].astype(np.int32)
    keras.utils.set_random_seed(1)
    with strategy.scope() if strategy else tempfile.TemporaryDirectory():
        model = _model(options.cnn)
        model.compile(
            optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, 1000)),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            steps_per_execution=options.steps,
            jit_compile=options.xla or options.way.startswith("jax"),
        )
    options_of_data = tf.data.Options()
    options_of_data.autotune.enabled = False
    options_of_data.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA

    def batches(*arrays: Any, size: int) -> Any:
        return tf.data.Dataset.from_tensor_slices(arrays).batch(size).with_options(options_of_data)

    held_out = batches(tests, answers, size=1000)
    for epoch in range(2):
        started = time.perf_counter()
        if options.numpy:
            history = model.fit(images, labels, batch_size=BATCH, shuffle=False, verbose=0).history
        else:
            history = model.fit(batches(images, labels, size=BATCH), validation_data=held_out, verbose=0).history
        seconds = time.perf_counter() - started
        total = sum(float(np.abs(weight).sum()) for weight in model.get_weights())
        results = {name: round(float(values[0]), 5) for name, values in history.items()}
        print(f"worker {worker}, epoch {epoch}: {results}, weights {total:.4f}, {IMAGES / seconds:.0f} images/s")
    if options.save:
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder, "model.keras"))
            copy = keras.models.load_model(Path(folder, "model.keras"))
            same = all(np.array_equal(a, b) for a, b in zip(model.get_weights(), copy.get_weights(), strict=True))
            print(f"worker {worker}: saved and loaded, weights {'the same' if same else 'DIFFERENT'}")


def _tensorflow(options: argparse.Namespace) -> Any:
    if options.worker >= 0:
        addresses = [f"localhost:{port}" for port in options.ports.split(",")]
        task = {"type": "worker", "index": options.worker}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
    import tensorflow as tf

    from fmnist_train.distributed.distribution import MultiWorkerStrategy

    if options.devices > 1:
        processor = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * options.devices
        tf.config.set_logical_device_configuration(processor, parts)
    if options.way == "mirrored":
        return tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(options.devices)])
    if options.way == "multi-worker":
        return MultiWorkerStrategy() if options.patched else tf.distribute.MultiWorkerMirroredStrategy()
    return None


def _jax(options: argparse.Namespace) -> None:
    os.environ["KERAS_BACKEND"] = "jax"
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    import keras

    if options.way == "jax":
        keras.distribution.initialize(f"localhost:{options.ports.split(',')[0]}", 2, options.worker)
        keras.distribution.set_distribution(keras.distribution.DataParallel())


def _model(convolutional: bool) -> Any:
    import keras
    from keras import layers

    middle = [layers.Flatten(), layers.Dense(128, activation="relu")]
    if convolutional:
        middle = [layers.Reshape((28, 28, 1)), layers.Conv2D(8, 3, strides=2, use_bias=False)]
        middle += [layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.1), layers.Flatten()]
    return keras.Sequential([keras.Input((28, 28)), *middle, layers.Dense(10, activation="softmax")])


if __name__ == "__main__":
    main()
