"""Open damaged copies of a plain model file in this process, one after another: damage.py MODEL BACKEND SEED COUNT.

Prints how many were accepted and how many refused, as JSON. A crash of the interpreter is a crash of this program,
anything but the errors below a traceback.
"""

import json
import random
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fmnist_runtime import Classifier
from fmnist_runtime.errors import IncompatibleModelError, InferenceError, InvalidOutputError, ModelFileError
from fmnist_runtime.model import model_file

IMAGES = (
    np.zeros((28, 28), np.uint8),
    np.full((28, 28), 255, np.uint8),
    np.arange(784, dtype=np.uint8).reshape(28, 28),
)


def flip(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def exchange_number(content: bytearray, rng: random.Random) -> None:
    """Another number where the file has a small one: offsets, sizes, tensor numbers, options."""
    places = [place for place in range(0, len(content) - 4, 4) if struct.unpack_from("<I", content, place)[0] < 1000]
    number = rng.choice((0, 1, 2, 3, 7, 28, 255, 1 << 16, 1 << 30, (1 << 31) - 1, (1 << 32) - 1))
    struct.pack_into("<I", content, rng.choice(places or [0]), number)


def exchange_bytes(content: bytearray, rng: random.Random) -> None:
    place, other = (rng.randrange(len(content) - 16) for _ in range(2))
    size = rng.randrange(1, 16)
    content[place : place + size] = content[other : other + size]


def cut(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content)) :]


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (flip, exchange_number, exchange_bytes, cut)


def main(model: str, backend: str, seed: int, count: int) -> None:
    whole = model_file.read(Path(model)).flatbuffer.replace(model_file.MARKER.encode(), b"MLIR Converted.")
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged.tflite"
        for number in range(seed, seed + count):
            content = bytearray(whole)
            rng = random.Random(number)
            rng.choice(DAMAGES)(content, rng)
            path.write_bytes(content)
            try:
                with Classifier(path, backend=backend) as classifier:
                    for image in IMAGES:
                        classifier.classify(image)
                found["accepted"] += 1
            except (ModelFileError, IncompatibleModelError, InferenceError, InvalidOutputError) as error:
                assert "\n" not in str(error)  # noqa: PT017
                found["crashed the trial" if "signal" in str(error) else "refused"] += 1
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
