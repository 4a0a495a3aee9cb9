"""Weights that survive int8: hidden units scaled to one range, and rounding errors made up for by later weights.

Both change the weights of a Keras model and not its answers (but for rounding), so TensorFlow's own converter then
writes a better int8 file with nothing private. The converter's grid is known: int8 weights have one scale an output
channel, max|w| / 127, no zero point. `compensate` puts every weight on that grid, so the converter rounds nothing.

Sources: cross-layer equalization is from Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction" (2019); rounding one input after the other and passing the error on through the inverse Gram matrix of the
inputs is from Frantar et al., "GPTQ" (2022), after LeCun's "Optimal Brain Surgeon". What each gives here stands in
docs/int8.md.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist_export.convert.fixed_batch import check_copy, float32_copy
from fmnist_keras import copies, inference

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float64]

# Largest magnitude of an int8 weight: TFLite's quantization specification restricts weights to [-127, 127].
_LARGEST = 127
# Share of the mean diagonal added to the Gram matrix, so that pixels that are always 0 leave it invertible.
_DAMPING = 0.001
# A hidden unit that never exceeds this share of the layer's largest one is left as it is.
_SMALLEST_RANGE = 1e-3
_BATCH = 500
# The share of the calibration images that rounding may turn to another class: twice what an int8 file may.
_MOST_TURNED = 0.02
# Patches of a convolution are many times its input: 100 images at a time stay below some 100 MB.
_GRAM_BATCH = 100


def prepared(model: "keras.Model", images: NDArray[np.float32]) -> "keras.Model":
    """A copy of `model` whose weights are changed so that its int8 conversion answers more as `model` does.

    `images` is (N, ...) float32 as the model takes them: calibration images, from the training split. Treats the
    Dense and Conv2D layers that the model holds directly and uses once, in order; what else there is stays untouched.
    """
    return prepared_with_factors(model, images)[0]


def equalized(model: "keras.Model", factors: dict[str, Floats], images: NDArray[np.float32]) -> "keras.Model":
    """A copy of `model` whose layers' units are divided by `factors`, which answers `images` as `model` does.

    Raises ModelCopyError, with the layer's name, where it does not.
    """
    copy = float32_copy(model, images)
    for name, divisors in factors.items():
        scale_units(copy.get_layer(name), divisors)
    check_copy(model, copy, images)
    return copy


def prepared_with_factors(model: "keras.Model", images: NDArray[np.float32]) -> tuple["keras.Model", dict[str, Floats]]:
    """What `prepared` gives, and what the units of each equalized layer, by its name, were divided by, (units,).

    With `equalized` the factors make a copy of `model` that answers as it does and has the scaled activations.

    Where the changed weights give more than a fiftieth of the images another class, the copy has the weights of `model`
    and no units were divided: the recipe does not suit it, and the converter's own rounding is as good.
    """
    import keras

    copy = float32_copy(model, images)
    scaled = {}
    for layer in copy.layers:
        if len(layer._inbound_nodes) != 1:
            continue
        if isinstance(layer, keras.layers.Dense) and not is_last(layer, copy):
            factors = equalize(layer, copy, images)
            if factors is not None:
                scaled[layer.name] = factors
            compensate_layer(layer, layer_inputs(layer, copy, images))
        elif type(layer) is keras.layers.Conv2D and layer.groups == 1:
            compensate_layer(layer, layer_inputs(layer, copy, images))
    equalized(model, scaled, images)
    answers, expected = (inference.predict(each, images).argmax(axis=1) for each in (copy, model))
    return (copy, scaled) if np.mean(answers != expected) <= _MOST_TURNED else (float32_copy(model, images), {})


def equalize(layer: "keras.layers.Dense", model: "keras.Model", images: NDArray[np.float32]) -> Floats | None:
    """Scale the units of a Dense `layer` with relu so that each has the same largest output, and undo it behind.

    relu(c x) = c relu(x) for c > 0, so dividing a unit's weights by c and multiplying what the next Dense layer makes
    of it by c changes no answer; but int8 then has all of its 255 steps for every unit. Does nothing unless exactly
    one Dense layer reads the units, and reads nothing else. Returns c for each unit, None where nothing was done.
    """
    import keras

    following = consumers(layer)
    if layer.activation is not keras.activations.relu or len(following) != 1:
        return None
    (reader,) = following
    if not isinstance(reader, keras.layers.Dense) or len(reader._inbound_nodes) != 1 or not layer.use_bias:
        return None
    largest = layer_inputs(reader, model, images).max(axis=0)
    if largest.ndim != 1 or not largest.max() > 0:
        return None
    factors: Floats = np.maximum(largest / largest.max(), _SMALLEST_RANGE)
    scale_units(layer, factors)
    return factors


def scale_units(layer: "keras.layers.Dense", factors: Floats) -> None:
    """Divide what `layer` answers by `factors`, (units,), and multiply the rows of the Dense layer behind by them."""
    (reader,) = consumers(layer)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel / factors, bias / factors])
    kernel, *rest = reader.get_weights()
    reader.set_weights([kernel * factors[:, np.newaxis], *rest])


def compensate_layer(layer: "keras.layers.Layer", inputs: Floats) -> None:
    """Put the kernel of `layer`, whose last axis is the output channel, on its int8 grid for its `inputs`, (N, ...)."""
    kernel, *rest = layer.get_weights()
    flat = kernel.reshape(-1, kernel.shape[-1]).astype(np.float64)
    layer.set_weights([compensate(flat, gram_matrix(layer, inputs)).reshape(kernel.shape).astype(np.float32), *rest])


def compensate(kernel: Floats, gram: Floats) -> Floats:
    """`kernel`, (inputs, outputs), rounded to int8 multiples of one scale an output, with little error at the outputs.

    `gram` is the (inputs, inputs) Gram matrix of the inputs. The largest weight of each output becomes exactly 127
    scales, so that the converter finds the same scale.
    """
    weights = kernel.T
    order = np.argsort(-np.diag(gram), kind="stable")
    damped = gram[np.ix_(order, order)] + np.eye(len(gram)) * _DAMPING * np.mean(np.diag(gram))
    spread = np.linalg.cholesky(np.linalg.inv(damped)).T
    scales = np.maximum(np.abs(weights).max(axis=1), np.finfo(np.float32).tiny) / _LARGEST
    steps = _round_in_order(weights, scales, order, spread)
    for _ in range(8):
        # Compensation may have made a channel's largest weight smaller: take the smaller scale and round again.
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
    """The Gram matrix, (fan in, fan in), of what the kernel of `layer` is multiplied with for `inputs`, (N, ...)."""
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
    """What the kernel of a Conv2D sees of `inputs`, (N, H, W, C): (N, H', W', kernel height x width x C)."""
    import keras

    seen = keras.ops.image.extract_patches(
        inputs, layer.kernel_size, layer.strides, dilation_rate=layer.dilation_rate, padding=layer.padding
    )
    result: Floats = np.asarray(seen)
    return result


def layer_inputs(layer: "keras.layers.Layer", model: "keras.Model", images: NDArray[np.float32]) -> Floats:
    """What `layer` gets as its input for `images`, by the weights that `model` has now.

    Computed in float64: the last bits of float32 depend on the processor's kernels, and with them the rounding of a
    weight here and there, and the bytes of the file.
    """
    import keras

    before = keras.Model(model.inputs[0], layer.input)
    image = keras.Input(before.input_shape[1:], dtype="float64")
    exact = copies.rebuild(before, _in_float64, input_tensors=image)
    result: Floats = exact.predict(images.astype(np.float64), batch_size=_BATCH, verbose=0)
    return result


def _in_float64(layer: "keras.Operation") -> "keras.Operation":
    """A copy of `layer` that computes in float64. An operation, such as a slice, has its inputs' type and no option."""
    import keras

    dtype = {"dtype": "float64"} if isinstance(layer, keras.layers.Layer) else {}
    return layer.__class__.from_config({**layer.get_config(), **dtype})


def consumers(layer: "keras.layers.Layer") -> list["keras.layers.Layer"]:
    """The layers that read the output of `layer`."""
    return [node.operation for node in layer._outbound_nodes]


def is_last(layer: "keras.layers.Layer", model: "keras.Model") -> bool:
    """Whether no other layer with weights comes behind `layer`: that one stays float32."""
    behind = model.layers[model.layers.index(layer) + 1 :]
    return not any(other.weights for other in behind)


def _round_in_order(weights: Floats, scales: Floats, order: NDArray[np.int64], spread: Floats) -> Floats:
    """int8 steps for `weights`, (outputs, inputs): input after input in `order`, each error passed on to the rest.

    `spread` is the upper Cholesky factor of the inverse Gram matrix, in the same order.
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
