"""The model to export with what is known of it: how it wants its pixels, its classes, its answers to the test set."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.source import chance, classes, keras_model, pixel_scaling, training_record
from fmnist_keras import inference
from fmnist_keras.comparison import half_precision
from fmnist_runtime.data.dataset import Dataset
from fmnist_runtime.data.fashion_mnist_files import DIGESTS
from fmnist_runtime.data.fashion_mnist_files import NAME as FASHION_MNIST
from fmnist_runtime.errors import ExportError
from fmnist_runtime.images.pixel_range import PixelRange

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Statement:
    """What a person says of a model: None for what was left out.

    `class_names` by --labels, `pixels` by --pixels or --mean and --std; `data_is_given` is whether --data names the
    data set; `minimum_accuracy` is the least share of test images that Keras must be right on, None for above chance.
    """

    class_names: tuple[str, ...] | None = None
    pixels: PixelRange | None = None
    data_is_given: bool = False
    minimum_accuracy: float | None = None


NOTHING_STATED = Statement()


@dataclass(frozen=True)
class Source:
    """A Keras model as it was loaded, with its pixels, its class names and its answers to the test images.

    `probabilities` is (N, classes) float32, the softmax of the outputs where the model ends in logits. `labels` are the
    test images' true classes, (N,) uint8. `record` is the model's training.json, None without one.
    """

    path: Path
    sha256: str
    model: "keras.Model"
    pixels: PixelRange
    class_names: tuple[str, ...]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.uint8]
    record: dict[str, Any] | None

    def inputs(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`images`, (N, 28, 28) uint8, as the model takes them."""
        return pixel_scaling.inputs(self.pixels, images, tuple(self.model.inputs[0].shape[1:]))


def load(path: Path, dataset: Dataset, stated: Statement, say: Callable[[str], None]) -> Source:
    """The model in `path`, asked about its pixels and about the test images of `dataset`, which it must be for.

    Raises ExportError as keras_model.load, and where the model's pixels, classes or data set cannot be told.
    """
    keras_model.check_exists(path)
    keras_model.import_tensorflow(say)
    say(f"loading {path}")
    model = keras_model.load(path)
    if half := half_precision(model):
        say(
            f"{path.name} computes in half precision ({half}); its files compute in float32, and are proved against it "
            f"as it is"
        )
    digest = keras_model.digest(path)
    record = training_record.beside(path, digest, say)
    class_names = classes.of(model.output_shape[-1], dataset, stated.class_names, say)
    _check_record(record, dataset, stated, path)
    pixels = pixel_scaling.find(model, dataset.train, stated.pixels, record, say)
    say(f"pixels become {pixels}")
    shape = tuple(model.inputs[0].shape[1:])
    outputs = inference.predict(model, pixel_scaling.inputs(pixels, dataset.test.images, shape))
    if not np.isfinite(outputs).all():
        raise ExportError(f"{path}: its answers are not finite numbers; train it again, with a lower learning rate")
    _check_accuracy(outputs, dataset, record, stated, path, say)
    return Source(path, digest, model, pixels, class_names, probabilities(outputs), dataset.test.labels, record)


def probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """`outputs`, (N, classes), where no value is outside 0..1, else their softmax: (N, classes) float32."""
    if outputs.min() >= 0 and outputs.max() <= 1:
        return outputs
    powers = np.exp(outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True))
    result: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


def _check_record(record: dict[str, Any] | None, dataset: Dataset, stated: Statement, path: Path) -> None:
    """Refuse the default data set for a model whose training.json names another."""
    data = (record or {}).get("data")
    digests = data.get("sha256") if isinstance(data, dict) else None
    if record is not None and not stated.data_is_given and digests not in (None, DIGESTS):
        raise ExportError(
            f"{path}: its training.json names another data set than {dataset.name}; give that one with --data DIR"
        )


def _check_accuracy(
    outputs: NDArray[np.float32],
    dataset: Dataset,
    record: dict[str, Any] | None,
    stated: Statement,
    path: Path,
    say: Callable[[str], None],
) -> None:
    """Refuse a model that is not for `dataset`, or is right on fewer of its test images than it must."""
    labels = dataset.test.labels
    accuracy = float(np.mean(outputs.argmax(axis=1) == labels))
    found = f"{path}: right on {accuracy:.4f} of {len(labels):,} {dataset.name} test images"
    if record is None and not stated.data_is_given:
        if not chance.is_clearly_above(accuracy, labels):
            raise ExportError(
                f"{found}, too few to take it for a model of {FASHION_MNIST} ({chance.of(labels):.4f} is chance), and "
                f"no training.json says what it is for; name its images with --data DIR and its classes with --labels "
                f"FILE, or its pixels with --pixels LOW..HIGH"
            )
        say(f"taken for a model of {FASHION_MNIST}: {accuracy:.4f} of its test images are right")
    if stated.minimum_accuracy is None and not chance.is_above(accuracy, labels):
        raise ExportError(
            f"{found}, which is not above chance ({chance.of(labels):.4f}); look at --pixels, --labels and --data, or "
            f"export it all the same with --min-accuracy 0"
        )
    if stated.minimum_accuracy is not None and accuracy < stated.minimum_accuracy:
        raise ExportError(f"{found}, expected at least {stated.minimum_accuracy:.4f} (--min-accuracy)")
