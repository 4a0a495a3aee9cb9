"""The outputs of a model for many images, in a process of its own: python -m fmnist_runtime.answers.

A proof runs this: the device's interpreter through the device's own Classifier, in a process without tensorflow.
"""

from pathlib import Path

import click

from fmnist_runtime.commandline import FILE, Command, print_json


@click.command("fmnist_runtime.answers", cls=Command)
@click.argument("model", type=FILE)
@click.argument("images", type=FILE)
@click.argument("outputs", type=FILE)
@click.option("--backend", default="auto")
def main(model: Path, images: Path, outputs: Path, backend: str) -> None:
    """Run MODEL on IMAGES, a .npy of (N, 28, 28) uint8, and write its output tensor for each to OUTPUTS, a .npy.

    Prints the runtime, its version, and the seconds that the images took, as one JSON document.
    """
    from time import perf_counter

    import numpy as np

    from fmnist_runtime.classifier import Classifier

    with Classifier(model, backend=backend) as classifier:
        pixels = np.load(images)
        started = perf_counter()
        values = classifier.outputs(pixels)
        seconds = perf_counter() - started
        np.save(outputs, values)
        print_json({"runtime": classifier.runtime.name, "version": classifier.runtime.version, "seconds": seconds})


if __name__ == "__main__":
    main()
