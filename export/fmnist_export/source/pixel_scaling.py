"""Which real numbers a model wants for the pixels 0 and 255: stated, recorded, read from its graph, or measured.

Pixels that are scaled wrongly give no error and often most of the accuracy (facts, trap 10), so nobody would notice.
The first that says it decides: --pixels, the training.json beside the model, the model's first layers, and only then a
measurement on training images, which refuses what is not clear.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.source import head, measured_range, reference
from fmnist_export.source.head import Head
from fmnist_runtime.data.fashion_mnist_files import Split
from fmnist_runtime.errors import ExportError, PixelRangeError
from fmnist_runtime.images.pixel_range import PixelRange, checked
from fmnist_runtime.inference.inputs import real_values

if TYPE_CHECKING:
    import keras

# What the first layers make of pixels is within these widths, whatever they are: 0..1, -1..1, (x - mean) / std.
_NARROWEST, _WIDEST = 0.1, 30.0
# How far the mean and the deviation of standardized images may be from 0 and 1: a model has other images than ours.
_STANDARDIZED = 0.25
_IMAGES = 2_000
_CONVENTIONS = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))
# fmnist-train has always trained on pixel / 255, which its records of before did not say.
_TRAINED_ON = (0.0, 1.0)


def inputs(pixels: PixelRange, images: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """`images`, (N, H, W) uint8, as (N, *shape) float32 for a model that wants `pixels`."""
    values: NDArray[np.float32] = real_values(pixels.low, pixels.high)[images]
    return values.reshape(len(images), *shape)


def find(
    model: "keras.Model",
    training: Split,
    stated: PixelRange | None,
    record: dict[str, Any] | None,
    say: Callable[[str], None],
) -> PixelRange:
    """The range of pixels that `model` wants.

    `stated` is what --pixels says and `record` the model's training.json, None without them. `training` are images of
    the data set that the model is for. `say` gets a warning where the model's graph contradicts what is stated. Raises
    ExportError where nothing tells.
    """
    first = head.read(model)
    told = _by_head(first, training) if first else list(_CONVENTIONS)
    found = stated or (_recorded(record) if record is not None else None)
    if found is not None:
        _check_head(found, first, say)
        return found
    if first and len(told) == 1:
        return checked(*told[0], f"the model begins with {' and '.join(first.layers)}")
    candidates = measured_range.usual(training)
    if first and told:
        candidates = [pixels for pixels in candidates if pixels[:2] in told]

    def ask(pixels: PixelRange, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return reference.predict(model, inputs(pixels, images, tuple(model.inputs[0].shape[1:])))

    return measured_range.find(ask, training, candidates)


def _recorded(record: dict[str, Any]) -> PixelRange:
    """The range that training.json states, or that its writer has always used."""
    stated = record.get("pixels", list(_TRAINED_ON))
    try:
        if not isinstance(stated, list):
            raise TypeError("no list")
        low, high = (float(end) for end in stated)
        return checked(low, high, "training.json")
    except (TypeError, ValueError, OverflowError, PixelRangeError) as error:
        raise ExportError(
            f"training.json states the pixels {str(stated)[:60]}, expected two different numbers; state them "
            f"with --pixels LOW..HIGH"
        ) from error


def _by_head(first: Head, training: Split) -> list[tuple[float, float]]:
    """The conventional ranges that the head of a model makes something usual of."""
    if first.is_standardized:
        shares = measured_range.sample(training, _IMAGES).images.astype(np.float32) / 255
        mean, std = float(shares.mean()), float(shares.std())
        return [ends for ends in _CONVENTIONS if _standardizes(first, ends, mean, std)]
    widths = {(low, high): abs(first.scale) * (high - low) for low, high in _CONVENTIONS}
    return [ends for ends, width in widths.items() if _NARROWEST <= width <= _WIDEST]


def _standardizes(first: Head, ends: tuple[float, float], mean: float, std: float) -> bool:
    low, high = ends
    seen = first.scale * (low + mean * (high - low)) + first.offset
    spread = abs(first.scale) * std * (high - low)
    # The mean of images of which another standard deviation was taken for each pixel is not exactly 0 nor 1.
    return abs(seen) < _STANDARDIZED and abs(spread - 1) < 2 * _STANDARDIZED


def _check_head(found: PixelRange, first: Head | None, say: Callable[[str], None]) -> None:
    if first is None:
        return
    width = abs(first.scale) * abs(found.high - found.low)
    if not _NARROWEST <= width <= _WIDEST:
        say(
            f"warning: pixels are stated as {found}, of which the model's {' and '.join(first.layers)} makes a range "
            f"of {width:.3g}; 0..1, -1..1 or so is usual"
        )
