"""Classify frame after frame, and print a line when the garment in front of the camera changes.
Run: python examples/camera_loop.py FRAMES.npy; for a real camera, replace the function `frames` with your own.
"""

import sys
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime import Classifier, FmnistError
from fmnist_runtime.images.decoding import MAX_SIDE, Picture
from fmnist_runtime.preprocessing.fashion_mnist import convert

# Frames with a lower score, such as those between two garments, print nothing.
LEAST_SCORE = 0.6


def frames() -> Iterator[NDArray[np.uint8]]:
    """The frames of the camera, each (height, width, 3) RGB or (28, 28) grey, uint8; here those of a .npy file.

    With OpenCV, which fmnist-edge does not install, a camera is:

        camera = cv2.VideoCapture(0)
        while True:
            success, frame = camera.read()
            if success:
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    """
    yield from np.load(sys.argv[1])


def prepare(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The 28x28 grey pixels that the model takes. Raises FmnistError where nothing differs from the background."""
    if frame.shape == (28, 28):
        return frame
    step = -(-max(frame.shape) // MAX_SIDE)
    pixels, _ = convert(Picture(np.ascontiguousarray(frame[::step, ::step]), alpha=None), "auto", "frame")
    return pixels


def main() -> None:
    """Classify all frames; print number, class, score and time where the class changes."""
    before = ""
    with Classifier() as classifier:
        for number, frame in enumerate(frames()):
            started = time.perf_counter()
            try:
                prediction = classifier.classify(prepare(frame))
            except FmnistError:
                continue  # nothing in front of the camera
            milliseconds = 1000 * (time.perf_counter() - started)
            if prediction.label != before and (prediction.score or 0) >= LEAST_SCORE:
                before = prediction.label
                print(f"frame {number}: {before} {prediction.score:.1%}, {milliseconds:.1f} ms", flush=True)


if __name__ == "__main__":
    main()
