"""A model of your own: `build` returns it, fmnist-train trains it, fmnist-export converts and proves it.
Run: python examples/own_model.py FOLDER
"""

import subprocess
import sys
from pathlib import Path
from typing import Any


def build() -> Any:
    """A small convolutional network from (28, 28) in 0..1 to 10 probabilities, untrained."""
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main() -> None:
    """Train one epoch, export float32 and int8, and check that the int8 file gives its recorded answers here."""
    folder = Path(sys.argv[1])
    commands = [
        ["fmnist-train", "--model", f"{__file__}:build", "--epochs", "1", "-o", str(folder)],
        ["fmnist-export", str(folder / "model.keras"), "--quantize"],
        ["fmnist-verify", str(folder / "model-int8.tflite")],
    ]
    for name, *arguments in commands:
        # The commands of the environment that runs this program.
        subprocess.run([Path(sys.executable).with_name(name), *arguments], check=True)


if __name__ == "__main__":
    main()
