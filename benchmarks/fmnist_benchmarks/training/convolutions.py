"""What makes training a convolutional model on a CPU fast: fmnist-train with and without each of its choices.

    python -m fmnist_benchmarks.training.convolutions [--model cnn-micro] [--images 9600] [--rounds 3] [--json]

The result is the seconds of one epoch over real training images, the least of some rounds in turns, and their ratio to
fmnist-train. The first epoch, in which TensorFlow compiles, is left out. Test images are not used.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from fmnist_runtime.commandline import Command, print_json, warn

if TYPE_CHECKING:
    import keras

OURS = "fmnist-train"


@click.command("fmnist_benchmarks.training.convolutions", cls=Command)
@click.option("--model", default="cnn-micro", show_default=True, help="The name of a model of fmnist-train.")
@click.option("--images", type=click.IntRange(min=128), default=9600, show_default=True, help="Images of an epoch.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Epochs of each variant.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on standard output.")
def main(model: str, images: int, rounds: int, as_json: bool) -> None:
    """Measure an epoch of a convolutional model with fmnist-train, and without each of its choices."""
    variants = _variants(model, images)
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, run_epoch in variants.items():
            started = time.perf_counter()
            run_epoch()
            if number:
                seconds[name].append(time.perf_counter() - started)
        warn(f"round {number} of {rounds} done" if number else "compiled")
    least = {name: min(values) for name, values in seconds.items()}
    result = {
        "model": model,
        "images": images,
        "rounds": rounds,
        "variants": [
            {"variant": name, "seconds": value, "times_ours": value / least[OURS]} for name, value in least.items()
        ],
    }
    if as_json:
        print_json(result, indent=1)
        return
    for name, value in least.items():
        click.echo(f"{name:<34} {value:6.2f} s  {value / least[OURS]:5.2f} times")


def _variants(name: str, count: int) -> dict[str, Callable[[], Any]]:
    """A function that trains one epoch, by its difference from fmnist-train."""
    import keras
    import numpy as np

    from fmnist_runtime.data import fashion_mnist
    from fmnist_runtime.data.dataset import to_float
    from fmnist_train.models import builders
    from fmnist_train.models.settings import settings_for
    from fmnist_train.training import compilation
    from fmnist_train.training.batches import batches

    split = fashion_mnist.load().train
    images, labels = to_float(split.images[:count]), split.labels[:count].astype(np.int32)
    settings = settings_for(name)

    def own(fused: bool, xla: bool) -> "keras.Model":
        model = compilation.build(settings, count) if fused else builders.build(name)
        model.compile(
            keras.optimizers.AdamW(0.001),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            steps_per_execution=compilation.steps_per_call(-(-count // settings.batch_size), 10),
            jit_compile=xla,
        )
        return model

    def in_batches(model: "keras.Model") -> Callable[[], Any]:
        return lambda: model.fit(batches(images, labels, settings.batch_size), shuffle=False, verbose=0)

    def in_arrays(model: "keras.Model") -> Callable[[], Any]:
        return lambda: model.fit(images, labels, batch_size=settings.batch_size, shuffle=False, verbose=0)

    return {
        OURS: in_batches(own(True, False)),
        "Keras's own batch normalization": in_batches(own(False, False)),
        "compiled with XLA": in_batches(own(True, True)),
        "fit on arrays instead of tf.data": in_arrays(own(True, False)),
    }


if __name__ == "__main__":
    main()
