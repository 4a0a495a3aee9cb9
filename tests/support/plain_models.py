"""Plain .tflite files as other people make them: python tests/support/plain_models.py FOLDER

Two small Keras models, trained for seconds on pixels 0..1, get other layers in front of them and at their ends, and
are converted by TensorFlow alone. What stands in front changes the numbers that reach the first layer with weights;
these are changed by the inverse, so each model answers as if it had been trained on the pixels that it expects.
NAME.tflite is the file, NAME.npy what Keras answers to the first COUNT test images, (COUNT, 10) float32.

Needs tensorflow, so tests that must not import it start this as a process of its own (the fixture `plain_models`).
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from fmnist_runtime.data import fashion_mnist
from fmnist_runtime.data.dataset import Split

COUNT = 2000
_MEAN, _STD = 0.286, 0.353
_STANDARD = -_MEAN / _STD, (1 - _MEAN) / _STD
_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class Maker:
    """Writes models as files with Keras's answers; `dense` and `convolution` are the trained layers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dataset = fashion_mnist.load()
        self.dense = _trained([layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(10)], self.dataset.train)
        first = layers.Conv2D(8, 3, strides=2, activation="relu")
        self.convolution = _trained([first, layers.Flatten(), layers.Dense(10)], self.dataset.train)

    def write(self, name: str, model: keras.Model, low: float, high: float, **kinds: object) -> None:
        """The file `name` in float32, and one more for each of `kinds`: of the type of its inputs and outputs."""
        with tempfile.TemporaryDirectory() as folder:
            model.export(folder, verbose=False)
            for suffix, kind in {"": None, **kinds}.items():
                title = f"{name}-{suffix.replace('_', '-')}" if suffix else name
                content = self._converter(folder, model, low, high, kind).convert()
                (self.folder / f"{title}.tflite").write_bytes(content)
        answers = np.asarray(model(_pixels(self.dataset.test.images[:COUNT], low, high, model)))
        for suffix in ("", *kinds):
            np.save(self.folder / f"{name}{'-' if suffix else ''}{suffix.replace('_', '-')}.npy", answers)

    def _converter(self, folder: str, model: keras.Model, low: float, high: float, kind: object) -> object:
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if kind is None:
            return converter
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == tf.float16:
            converter.target_spec.supported_types = [tf.float16]
            return converter
        sample = _pixels(self.dataset.train.images[:200], low, high, model)
        converter.representative_dataset = lambda: ([image[np.newaxis]] for image in sample)
        wide = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [wide if kind == tf.int16 else tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = kind
        return converter

    def network(
        self, *front: layers.Layer, scale: object = 1.0, shift: object = 0.0, dtype: str = "float32"
    ) -> keras.Model:
        """The dense layers and a softmax behind `front`, of whose results v pixels of 0..1 are scale * v + shift."""
        body = [layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(10), layers.Softmax()]
        return _with_weights([keras.Input((28, 28), dtype=dtype), *front, *body], self.dense, scale, shift)

    def small_network(self, *front: layers.Layer, scale: float = 1.0, shift: float = 0.0) -> keras.Model:
        """The same of the convolution, which takes the factors in front of it into its weights when converted."""
        body = [layers.Conv2D(8, 3, strides=2, activation="relu"), layers.Flatten(), layers.Dense(10, "softmax")]
        return _with_weights([keras.Input((28, 28, 1)), *front, *body], self.convolution, scale, shift)

    def ending(self, end: str) -> keras.Model:
        """The dense layers with `end` as the activation of the last one, so that the converter may fuse it."""
        body = [layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(10, end)]
        return _with_weights([keras.Input((28, 28)), *body], self.dense, 1.0, 0.0)


def _trained(body: list[layers.Layer], train: Split) -> list[np.ndarray]:
    """The weights of `body` after one pass over the training images."""
    model = keras.Sequential([keras.Input((28, 28, 1)), *body])
    model.compile("adam", _LOGITS, steps_per_execution=100)
    model.fit(_pixels(train.images, 0, 1, model), train.labels, batch_size=64, verbose=0)
    return list(model.get_weights())


def _with_weights(parts: list[object], weights: list[np.ndarray], scale: object, shift: object) -> keras.Model:
    """A model of `parts` with `weights`, those of its first layer changed for inputs v of pixels scale * v + shift."""
    model = keras.Sequential(parts)
    kernel, bias, *rest = weights
    shape = (28, 28) if kernel.ndim == 2 else kernel.shape[:2]
    scales, shifts = (np.broadcast_to(one, shape).reshape(-1, 1) for one in (scale, shift))
    flat = kernel.reshape(len(scales), -1)
    changed = [(flat * scales).reshape(kernel.shape), bias + (flat * shifts).sum(axis=0), *rest]
    first = next(layer for layer in model.layers if isinstance(layer, layers.Dense | layers.Conv2D))
    for layer in (first, model.layers[-1] if model.layers[-1].weights else model.layers[-2]):
        layer.set_weights(changed[:2])
        changed = changed[2:]
    return model


def _pixels(images: np.ndarray, low: float, high: float, model: keras.Model) -> np.ndarray:
    real = (low + images.astype(np.float32) / 255 * (high - low)).reshape(-1, *model.input_shape[1:])
    return real.astype(model.inputs[0].dtype)


def ranges(maker: Maker) -> None:
    """Models of pixels of every kind, with a softmax at the end."""
    int8, uint8, int16, float16 = tf.int8, tf.uint8, tf.int16, tf.float16
    maker.write("unit", maker.network(), 0, 1, int8=int8, int8_float_input=tf.float32, int16=int16)
    rescaled = maker.network(layers.Rescaling(1 / 255))
    maker.write("rescaled", rescaled, 0, 255, int8=int8, uint8=uint8, int16=int16, float16=float16)
    maker.write("raw-bytes", maker.network(layers.Rescaling(1 / 255), dtype="uint8"), 0, 255)
    maker.write("fused", maker.small_network(layers.Rescaling(1 / 255)), 0, 255, float16=float16)
    maker.write("unit-convolution", maker.small_network(), 0, 1)
    both_inside = maker.small_network(layers.Rescaling(1 / 127.5, -1), scale=0.5, shift=0.5)
    maker.write("both-signs-inside", both_inside, 0, 255)
    maker.write("doubled", maker.network(layers.Rescaling(2.0, -1), scale=0.5, shift=0.5), 0, 1)
    maker.write("inverted-inside", maker.network(layers.Rescaling(-1.0, 1), scale=-1.0, shift=1.0), 0, 1)
    maker.write("both-signs", maker.network(scale=0.5, shift=0.5), -1, 1, int8=int8)
    maker.write("standardized", maker.network(scale=_STD, shift=_MEAN), *_STANDARD, uint8=uint8)
    normal = layers.Normalization(axis=None, mean=_MEAN, variance=_STD**2)
    maker.write("normalized", maker.network(normal, scale=_STD, shift=_MEAN), 0, 1)
    # As adapted on the images: Keras's default axis is the last one, so each column has a mean and a variance.
    columns = layers.Normalization()
    columns.adapt(maker.dataset.train.images[:5000].astype(np.float32))
    scale, shift = np.sqrt(np.asarray(columns.variance)), np.asarray(columns.mean)
    front = maker.network(columns, scale=scale.reshape(1, 28) / 255, shift=shift.reshape(1, 28) / 255)
    maker.write("columns-normalized", front, 0, 255)


def ends(maker: Maker) -> None:
    """One trained network, and other functions at its end, in float32 and int8."""
    for end in ("linear", "sigmoid", "log_softmax", "softmax", "relu", "relu6"):
        maker.write(f"end-{end}", maker.ending(end), 0, 1, int8=tf.int8)
    # Not in int8: most of its values are the highest there, so there are more ties than answers.
    maker.write("end-tanh", maker.ending("tanh"), 0, 1)
    image = keras.Input((28, 28))
    mean = layers.Average()([maker.network()(image), maker.network(scale=0.9, shift=0.05)(image)])
    maker.write("end-mean-of-softmaxes", keras.Model(image, mean), 0, 1)
    for units in (1, 5):
        last = layers.Dense(units, "sigmoid")
        maker.write(f"units-{units}", keras.Sequential([keras.Input((28, 28)), layers.Flatten(), last]), 0, 1)


def main(folder: Path) -> None:
    """Write all files to `folder`."""
    keras.utils.set_random_seed(1)
    maker = Maker(folder)
    ranges(maker)
    ends(maker)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
