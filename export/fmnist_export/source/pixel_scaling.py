"""The numbers that a model expects for the pixels 0 and 255: stated, recorded, read from its graph, or measured.

Wrongly scaled pixels raise no error and often keep most of the accuracy: 0..255 in place of 0..1 still gives 0.86 on
some models. Nobody would notice. The first source that states the range decides: --pixels, training.json, the model's
first layers, and only then a measurement on training images, which refuses an unclear result.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.source import first_layers, range_measurement
from fmnist_export.source.first_layers import InputScaling
from fmnist_keras import inference
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import ExportError, PixelRangeError
from fmnist_runtime.images import pixel_range
from fmnist_runtime.images.pixel_range import PixelRange
from fmnist_runtime.inference.inputs import real_values

if TYPE_CHECKING:
    import keras

# The width of the range behind the first layers lies between these: 0..1, -1..1, (x - mean) / std.
_NARROWEST, _WIDEST = 0.1, 30.0
# How far the mean of standardized images may be from 0, as a model may have been adapted to other images than ours.
_STANDARDIZED = 0.25
_IMAGES = 2_000
_CONVENTIONS = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))
# fmnist-train has always trained on pixel / 255; its early records do not state it.
_DEFAULT_OF_RECORDS = (0.0, 1.0)


def inputs(pixels: PixelRange, images: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """`images`, (N, H, W) uint8, as (N, *shape) float32 for a model that expects the range `pixels`."""
    values: NDArray[np.float32] = real_values(pixels.low, pixels.high)[images]
    return values.reshape(len(images), *shape)


def determine_range(
    model: "keras.Model",
    training: Split,
    stated: PixelRange | None,
    record: dict[str, Any] | None,
    say: Callable[[str], None],
) -> PixelRange:
    """The pixel range that `model` expects.

    `stated` comes from --pixels, `record` is the model's training.json; None without them. `training` holds images of
    the model's data set. `say` gets a warning where the model's first layers contradict the stated range. Raises
    ExportError where the range cannot be determined.
    """
    scaling = first_layers.read_scaling(model)
    plausible = _plausible_ranges(scaling, training) if scaling else list(_CONVENTIONS)
    known = stated or (_recorded_range(record) if record is not None else None)
    if known is not None:
        _warn_of_contradiction(known, scaling, say)
        return known
    if scaling and len(plausible) == 1:
        return pixel_range.create(*plausible[0], f"the model begins with {' and '.join(scaling.layers)}")
    candidates = range_measurement.usual_ranges(training)
    if scaling and plausible:
        candidates = [pixels for pixels in candidates if pixels[:2] in plausible]

    def predict(pixels: PixelRange, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return inference.predict(model, inputs(pixels, images, tuple(model.inputs[0].shape[1:])))

    return range_measurement.measure(predict, training, candidates)


def _recorded_range(record: dict[str, Any]) -> PixelRange:
    """The range that training.json states; without one the range that fmnist-train has always used."""
    stated = record.get("pixels", list(_DEFAULT_OF_RECORDS))
    try:
        if not isinstance(stated, list):
            raise TypeError("not a list")
        low, high = (float(end) for end in stated)
        return pixel_range.create(low, high, "training.json")
    except (TypeError, ValueError, OverflowError, PixelRangeError) as error:
        raise ExportError(
            f"training.json states the pixels {str(stated)[:60]}, expected two different numbers; state the range "
            f"with --pixels LOW..HIGH"
        ) from error


def _plausible_ranges(first: InputScaling, training: Split) -> list[tuple[float, float]]:
    """The conventional ranges that the first layers of a model turn into a usual one."""
    if first.is_standardized:
        shares = range_measurement.sample(training, _IMAGES).images.astype(np.float32) / 255
        mean, std = float(shares.mean()), float(shares.std())
        return [ends for ends in _CONVENTIONS if _standardizes(first, ends, mean, std)]
    widths = {(low, high): abs(first.scale) * (high - low) for low, high in _CONVENTIONS}
    return [ends for ends, width in widths.items() if _NARROWEST <= width <= _WIDEST]


def _standardizes(first: InputScaling, ends: tuple[float, float], mean: float, std: float) -> bool:
    low, high = ends
    seen = first.scale * (low + mean * (high - low)) + first.offset
    spread = abs(first.scale) * std * (high - low)
    # Where the layer has a standard deviation for each pixel, mean and deviation of the result are not exactly 0 and 1.
    return abs(seen) < _STANDARDIZED and abs(spread - 1) < 2 * _STANDARDIZED


def _warn_of_contradiction(stated: PixelRange, first: InputScaling | None, say: Callable[[str], None]) -> None:
    if first is None:
        return
    width = abs(first.scale) * abs(stated.high - stated.low)
    if not _NARROWEST <= width <= _WIDEST:
        say(
            f"warning: the stated pixel range is {stated}, which the model's {' and '.join(first.layers)} turns into a "
            f"range of width {width:.3g}, expected about that of 0..1 or -1..1; check --pixels"
        )
