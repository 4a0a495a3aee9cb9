"""Rounding errors compensated by later weights: every weight on the converter's int8 grid, with little error behind.

The grid is known: int8 weights have one scale for each output channel, max|w| / 127, and no zero point. A kernel whose
weights all lie on it is not rounded again by the converter.

Source: rounding one input after the other and passing the error on through the inverse Gram matrix of the inputs is
from Frantar et al., "GPTQ" (2022), after LeCun's "Optimal Brain Surgeon". docs/int8.md has its effect here.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float64]

# The largest magnitude of an int8 weight: TFLite's quantization specification restricts weights to [-127, 127].
_LARGEST = 127
# This share of the mean diagonal is added to the Gram matrix, so that it stays invertible where pixels are always 0.
_DAMPING = 0.001
# Patches of a convolution take many times the space of its input: 100 images at a time stay below about 100 MB.
_GRAM_BATCH = 100


def compensate_layer(layer: "keras.layers.Layer", inputs: Floats) -> None:
    """Round the kernel of `layer`, whose last axis is the output channel, to its int8 grid for `inputs`, (N, ...)."""
    kernel, *rest = layer.get_weights()
    flat = kernel.reshape(-1, kernel.shape[-1]).astype(np.float64)
    layer.set_weights([compensate(flat, gram_matrix(layer, inputs)).reshape(kernel.shape).astype(np.float32), *rest])


def compensate(kernel: Floats, gram: Floats) -> Floats:
    """`kernel`, (inputs, outputs), rounded to int8 multiples of one scale for each output, with little output error.

    `gram` is the (inputs, inputs) Gram matrix of the inputs. The largest weight of each output becomes exactly 127
    times its scale, so that the converter computes the same scale.
    """
    weights = kernel.T
    order = np.argsort(-np.diag(gram), kind="stable")
    damped = gram[np.ix_(order, order)] + np.eye(len(gram)) * _DAMPING * np.mean(np.diag(gram))
    spread = np.linalg.cholesky(np.linalg.inv(damped)).T
    scales = np.maximum(np.abs(weights).max(axis=1), np.finfo(np.float32).tiny) / _LARGEST
    steps = _round_in_order(weights, scales, order, spread)
    for _ in range(8):
        # Compensation may have reduced a channel's largest weight: take the smaller scale and round again.
        short = np.flatnonzero((np.abs(steps).max(axis=1) < _LARGEST) & (np.abs(steps).max(axis=1) > 0))
        if not len(short):
            return np.asarray((steps * scales[:, np.newaxis]).T)
        scales[short] *= np.abs(steps[short]).max(axis=1) / _LARGEST
        steps[short] = _round_in_order(weights[short], scales[short], order, spread)
    short = np.flatnonzero(np.abs(steps).max(axis=1) < _LARGEST)
    rounded = steps * scales[:, np.newaxis]
    rounded[short] = weights[short]
    return np.asarray(rounded.T)


def gram_matrix(layer: "keras.layers.Layer", inputs: Floats) -> Floats:
    """The Gram matrix, (fan in, fan in), of the values that the kernel of `layer` multiplies for `inputs`, (N, ...)."""
    size = int(np.prod(layer.kernel.shape[:-1]))
    total, count = np.zeros((size, size)), 0
    for start in range(0, len(inputs), _GRAM_BATCH):
        block = inputs[start : start + _GRAM_BATCH]
        rows = (patches(layer, block) if block.ndim == 4 else block).reshape(-1, size)
        total += rows.T @ rows
        count += len(rows)
    mean: Floats = total / count
    return mean


def patches(layer: "keras.layers.Conv2D", inputs: Floats) -> Floats:
    """The patches of `inputs`, (N, H, W, C), under the kernel of a Conv2D: (N, H', W', kernel height x width x C)."""
    import keras

    seen = keras.ops.image.extract_patches(
        inputs, layer.kernel_size, layer.strides, dilation_rate=layer.dilation_rate, padding=layer.padding
    )
    result: Floats = np.asarray(seen)
    return result


def _round_in_order(weights: Floats, scales: Floats, order: NDArray[np.int64], spread: Floats) -> Floats:
    """int8 steps for `weights`, (outputs, inputs), rounded one input after the other in `order`.

    Each rounding error is passed on to the remaining inputs. `spread` is the upper Cholesky factor of the inverse Gram
    matrix, in the same order.
    """
    left = weights[:, order].copy()
    steps = np.zeros_like(left)
    for column in range(left.shape[1]):
        steps[:, column] = np.clip(np.rint(left[:, column] / scales), -_LARGEST, _LARGEST)
        error = (left[:, column] - steps[:, column] * scales) / spread[column, column]
        left[:, column + 1 :] -= np.outer(error, spread[column, column + 1 :])
    unordered = np.zeros_like(steps)
    unordered[:, order] = steps
    return unordered
