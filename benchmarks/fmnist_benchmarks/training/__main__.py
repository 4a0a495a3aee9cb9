"""Training the tutorial's model: fmnist-train against the tutorial's own lines, in one run.

    python -m fmnist_benchmarks.training [--seeds 1,2,3] [--json]

Both train the same model with the same batch size, epochs, 60,000 images and seed. Each training runs in a process of
its own, in turns, so that other work on the machine affects both. The time is that from the uint8 images to the
predictions for the test images: scaling, building, fitting, evaluating, predicting. It includes fmnist-train's
checkpoints and leaves out the import of tensorflow and reading the data.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from fmnist_runtime.commandline import Command, print_json, warn
from fmnist_runtime.errors import FmnistError

EPOCHS = 5
PROGRAMS = ("tutorial", "fmnist-train")


def run_tutorial(seed: int) -> dict[str, float]:
    """Train with the lines of TensorFlow's tutorial "Basic classification"; seconds and test accuracy.

    Source: tensorflow.org/tutorials/keras/classification. Only the seed is added.
    """
    import tensorflow as tf

    from fmnist_runtime.data import fashion_mnist

    dataset = fashion_mnist.load()
    tf.keras.utils.set_random_seed(seed)
    started = time.perf_counter()
    train_images = dataset.train.images / 255.0
    test_images = dataset.test.images / 255.0
    model = tf.keras.Sequential(
        [
            tf.keras.Input((28, 28)),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(128, activation="relu"),
            tf.keras.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer="adam",
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(train_images, dataset.train.labels, epochs=EPOCHS, verbose=0)
    accuracy = model.evaluate(test_images, dataset.test.labels, verbose=0)[1]
    tf.keras.Sequential([model, tf.keras.layers.Softmax()]).predict(test_images, verbose=0)
    return {"seconds": time.perf_counter() - started, "accuracy": float(accuracy)}


def run_fmnist_train(seed: int) -> dict[str, float]:
    """Train as `fmnist-train --validation 0` does; seconds and test accuracy."""
    from fmnist_runtime.data import fashion_mnist
    from fmnist_train.models.settings import TrainingSettings
    from fmnist_train.training import loop

    dataset = fashion_mnist.load()
    settings = TrainingSettings(epochs=EPOCHS, validation=0, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        trained = loop.train(settings, dataset, Path(folder), resume=False, callbacks=[])
        return {"seconds": time.perf_counter() - started, "accuracy": trained.results["test_accuracy"]}


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The ratio of the median times of `runs`, and the difference of their mean accuracies."""
    seconds = {name: statistics.median(run["seconds"] for run in runs if run["program"] == name) for name in PROGRAMS}
    accuracy = {name: statistics.mean(run["accuracy"] for run in runs if run["program"] == name) for name in PROGRAMS}
    return {
        "median_seconds": seconds,
        "mean_accuracy": accuracy,
        "times_faster": seconds["tutorial"] / seconds["fmnist-train"],
        "accuracy_difference": accuracy["fmnist-train"] - accuracy["tutorial"],
    }


@click.command("fmnist_benchmarks.training", cls=Command)
@click.option("--seeds", default="1,2,3", show_default=True, help="One training of each program for each seed.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on standard output.")
@click.option("--program", type=click.Choice(PROGRAMS), hidden=True)
def main(seeds: str, as_json: bool, program: str | None) -> None:
    """Measure how much faster fmnist-train is than the tutorial's own lines, and compare their accuracy."""
    numbers = [int(seed) for seed in seeds.split(",") if seed.strip().isdigit()]
    if not numbers:
        raise click.BadParameter(f"{seeds!r}, expected numbers such as 1,2,3", param_hint="'--seeds'")
    if program:
        print_json({"tutorial": run_tutorial, "fmnist-train": run_fmnist_train}[program](numbers[0]))
        return
    runs = []
    for seed in numbers:
        for name in PROGRAMS:
            run = {"program": name, "seed": seed, **_in_child(name, seed)}
            warn(f"{name:<13} seed {seed}: {run['seconds']:6.2f} s, test accuracy {run['accuracy']:.4f}")
            runs.append(run)
    result = summary(runs)
    if as_json:
        print_json({**result, "runs": runs}, indent=1)
        return
    for name in PROGRAMS:
        click.echo(
            f"{name:<13} {result['median_seconds'][name]:6.2f} s, test accuracy {result['mean_accuracy'][name]:.4f}"
        )
    click.echo(
        f"{result['times_faster']:.2f} times faster, test accuracy {result['accuracy_difference']:+.4f} "
        f"(median time and mean accuracy of {len(numbers)} seeds)"
    )


def _in_child(program: str, seed: int) -> dict[str, float]:
    command = [sys.executable, "-m", "fmnist_benchmarks.training", "--program", program, "--seeds", str(seed)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    if child.returncode != 0:
        raise FmnistError(
            f"{program} with seed {seed} failed: {(child.stderr.strip().splitlines() or ['no reason'])[-1]}"
        )
    result: dict[str, float] = json.loads(child.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    main()
