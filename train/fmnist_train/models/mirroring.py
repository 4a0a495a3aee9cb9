"""A mirrored model: it looks at each image and at its mirror image, with the same weights.

A garment and its mirror image have the same class, and a model makes different errors on them, so the mean of both is
right more often (Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks", section
4.1). As it is inside the model, nothing changes for whoever runs it. It costs no weights, and twice the time.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from fmnist_keras import comparison, copies
from fmnist_keras.inference import call
from fmnist_keras.messages import one_line
from fmnist_runtime.errors import FmnistError, TrainingError


def mirrored(model: keras.Model) -> keras.Model:
    """A copy of `model` whose last Dense layer gets the mean of its inputs for an image and for its mirror image.

    So its probabilities are the softmax of the mean of the two logits. It takes what `model` takes, (N, 28, 28) or
    (N, 28, 28, 1); inside are 2N images, the mirrored ones last. Raises TrainingError where Keras cannot call the
    layers of `model` again, where it has no Dense layer, and where the copy does not give that mean for real images.
    """
    try:
        return _mirrored(model)
    except FmnistError:
        raise
    except Exception as error:  # Keras, and a person's own layers, raise anything here
        raise TrainingError(
            f"{model.name}: cannot be built again with its images mirrored ({one_line(error)}); leave out --mirror"
        ) from error


def _mirrored(model: keras.Model) -> keras.Model:
    if not copies.is_rebuildable(model):
        raise TrainingError(
            f"{model.name}: a {type(model).__name__} cannot be built again with its images mirrored, expected a "
            f"Sequential or a functional model; leave out --mirror"
        )
    # clone_model takes no call_function for a Sequential.
    functional = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    dense = [layer for layer in functional.layers if isinstance(layer, layers.Dense)]
    if not dense or len(dense[-1].input.shape) != 2:
        raise TrainingError(
            f"{model.name}: has no Dense layer for inputs of (N, features), expected one, before which the mean of an "
            f"image and its mirror image is taken; leave out --mirror"
        )
    image = keras.Input(model.inputs[0].shape[1:], name=model.inputs[0].name)
    both = _both(image.shape[1:])(image)
    means = [_mean(dense[-1].input.shape[-1])]

    def call_layer(layer: Any, *arguments: Any, **options: Any) -> Any:
        arguments = keras.tree.map_structure(lambda value: both if value is image else value, arguments)
        if layer.name == dense[-1].name:
            if not means:
                raise ValueError(f"its last Dense layer, {layer.name}, is called more than once")
            arguments = (means.pop()(arguments[0]), *arguments[1:])
        return layer(*arguments, **options)

    copy = copies.rebuild(functional, input_tensors=image, call_function=call_layer)
    _check(functional, dense[-1], copy)
    if model.compiled:
        copy.compile_from_config(model.get_compile_config())
    return copy


def _check(model: keras.Model, last: layers.Dense, copy: keras.Model) -> None:
    """Raise TrainingError unless `copy` gives what `last`, and all behind it, makes of the mean of both sides."""
    images = comparison.golden_images(model)
    before = keras.Model(model.inputs[0], last.input)
    behind = keras.Model(last.input, model.outputs[0])
    mean = (call(before, images) + call(before, images[:, :, ::-1])) / 2
    expected: NDArray[Any] = np.asarray(ops.convert_to_numpy(behind(mean, training=False)))
    found = comparison.difference(expected, call(copy, images), comparison.tolerance(model))
    if found:
        raise TrainingError(
            f"{model.name}: its copy with mirrored images is not the mean of both sides ({found}); a layer that looks "
            f"at other images of the batch, or keeps state of its own, cannot be mirrored: leave out --mirror"
        )


def _both(shape: tuple[int, ...]) -> keras.Model:
    """A model from images, (N, *shape), to these and behind them their mirror images, (2N, *shape)."""
    image = keras.Input(shape)
    # A model of its own, so that the names of its layers cannot clash with others.
    return keras.Model(image, layers.Concatenate(axis=0)([image, image[:, :, ::-1]]), name="both_sides")


def _mean(features: int) -> keras.Model:
    """A model from (2N, features) to the mean of the first and the second N, (N, features)."""
    x = keras.Input((features,))
    return keras.Model(x, ops.mean(ops.reshape(x, (2, -1, features)), axis=0), name="mean_of_both")
