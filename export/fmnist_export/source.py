"""The model to export with what is known of it: how it wants its pixels, its classes, its answers to the test set."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist_export import classes, keras_model, scaling
from fmnist_export.scaling import Scaling
from fmnist_runtime.dataset import Split
from fmnist_runtime.labels import CLASS_NAMES
from fmnist_train.data import FashionMnist

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Source:
    """A Keras model with its scaling and class names; `probabilities` is what it answers to the test images.

    `probabilities` is (N, classes) float32, the softmax of the logits where the model ends in those. `labels` are the
    test images' true classes, (N,) uint8, None where the model's classes are others than the data set's.
    """

    path: Path
    sha256: str
    model: "keras.Model"
    scaling: Scaling
    class_names: tuple[str, ...]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.uint8] | None

    def inputs(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`images`, (N, 28, 28) uint8, as the model takes them."""
        return self.scaling.inputs(images, self.model.input_shape[1:])


def load(path: Path, dataset: FashionMnist, names: tuple[str, ...] | None, say: Callable[[str], None]) -> Source:
    """The model in `path`, asked about its pixels and about the test images. Raises ExportError as keras_model.load."""
    keras_model.import_tensorflow()
    say(f"loading {path}")
    model = keras_model.load(path)
    class_names = classes.of(model.output_shape[-1], names)
    found = scaling.find(model, dataset.train, len(CLASS_NAMES))
    say(f"pixels become {found}")
    return Source(
        path,
        keras_model.digest(path),
        model,
        found,
        class_names,
        _probabilities(model, found, dataset.test),
        dataset.test.labels if len(class_names) == len(CLASS_NAMES) else None,
    )


def _probabilities(model: "keras.Model", found: Scaling, test: Split) -> NDArray[np.float32]:
    outputs = keras_model.predict(model, found.inputs(test.images, model.input_shape[1:]))
    return outputs if scaling.is_probabilities(outputs) else scaling.softmax(outputs)
