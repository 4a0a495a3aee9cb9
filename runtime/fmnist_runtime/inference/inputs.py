"""From pixels to the numbers that a model's input takes, and the fastest exact way there.

A pixel is uint8, 0 background and 255 garment. The model file states the real numbers that 0 and 255 stand for
(`input.range`, [0, 1] for a model trained on pixels / 255); a quantized input adds its scale and zero point:
q = round(real / scale) + zero point. All 256 results stand in one table. The writers below are chosen by comparing
with that table, so a shortcut is taken only where it gives the same numbers.

This module does not read images from files and does not know the interpreter.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import ImageError
from fmnist_runtime.images.types import SHAPE

Writer = Callable[[NDArray[np.uint8]], object]
_EXPECTED = "0 background and 255 garment"


def check_image(image: Any) -> NDArray[np.uint8]:
    """`image` as a plain array, (28, 28) uint8. Raises ImageError for anything else."""
    found = f"{type(image).__name__}"
    if isinstance(image, np.ndarray):
        if image.shape == SHAPE and image.dtype == np.uint8:
            return np.asarray(image).view(np.uint8)
        found = f"{found} of shape {image.shape} and dtype {image.dtype}"
    raise ImageError(
        f"an image that is {found}, expected (28, 28) uint8, {_EXPECTED}; "
        f"for a file use fmnist_runtime.sources.image_files"
    )


def check_images(images: Any) -> NDArray[np.uint8]:
    """`images` as an array, (N, 28, 28) uint8. Raises ImageError for anything else."""
    found: NDArray[np.uint8] = np.asarray(images)
    if found.ndim != 3 or found.shape[1:] != SHAPE or found.dtype != np.uint8:
        raise ImageError(
            f"images of shape {found.shape} and dtype {found.dtype}, expected (N, 28, 28) uint8, {_EXPECTED}"
        )
    return found


def real_values(low: float, high: float) -> NDArray[np.float32]:
    """The real number, (256,) float32, that each pixel value stands for, where 0 is `low` and 255 is `high`."""
    pixels = np.arange(256, dtype=np.float32)
    return np.float32(low) + pixels * np.float32(high - low) / np.float32(255)


def table(dtype: np.dtype, low: float, high: float, scale: float, zero_point: int) -> NDArray:  # type: ignore[type-arg]
    """The input values, (256,) of the input tensor's `dtype`, of the pixels 0 to 255. Floats ignore `scale`."""
    values = real_values(low, high)
    if np.issubdtype(dtype, np.floating):
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    # Round to nearest, as the converter's own QUANTIZE does: truncation changed 33 of 10,000 answers
    # (docs/measurements.md).
    quantized = np.rint(values / np.float32(scale)) + zero_point
    result: NDArray = np.clip(quantized, limits.min, limits.max).astype(dtype)  # type: ignore[type-arg]
    return result


def writer(values: NDArray, view: NDArray) -> Writer:  # type: ignore[type-arg]
    """A function that writes pixels, uint8 of the shape of `view`, into `view` as their entries in `values`, (256,)."""
    pixels = np.arange(256, dtype=np.uint8)
    if view.dtype == np.int8 and np.array_equal(values.view(np.uint8), pixels ^ 0x80):
        return _xor_writer(view.view(np.uint8))
    if np.array_equal(values, pixels):
        return lambda image: np.copyto(view, image, casting="unsafe")
    if view.dtype == np.float32 and np.array_equal(values, pixels / np.float32(255)):
        return _dividing_writer(view)
    return lambda image: values.take(image, out=view, mode="clip")


def _xor_writer(view: NDArray[np.uint8]) -> Writer:
    # An array and not a scalar: numpy converts a scalar anew in each call, which costs more than the 784 XORs.
    sign = np.full(view.shape, 0x80, np.uint8)
    bitwise_xor = np.bitwise_xor
    return lambda image: bitwise_xor(image, sign, view)


def _dividing_writer(view: NDArray[np.float32]) -> Writer:
    # Cast, then divide in place: one ufunc over mixed types goes through numpy's buffer and takes twice as long.
    # In one dimension, where numpy checks less, and by one number broadcast to 784, which needs less memory access.
    flat = view.reshape(-1)
    white = np.broadcast_to(np.float32(255), flat.shape)
    divide = np.divide

    def write(image: NDArray[np.uint8]) -> None:
        view[...] = image
        divide(flat, white, flat)

    return write
