"""The Keras model of an export, loaded once, with everything that the later stages need to know about it."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fmnist_runtime
from fmnist_export.source import class_names, keras_model, pixel_scaling, training_record
from fmnist_keras.comparison import half_precision
from fmnist_runtime.data.dataset import Dataset
from fmnist_runtime.data.fashion_mnist_files import DIGESTS
from fmnist_runtime.errors import ExportError
from fmnist_runtime.images.pixel_range import PixelRange

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Statement:
    """What the user states about a model; None for everything left out.

    `class_names` comes from --labels, `pixels` from --pixels or from --mean and --std. `data_is_given` is true where
    --data names the data set. `minimum_accuracy` (--min-accuracy) is the least share of test images on which Keras must
    be right; None requires an accuracy above chance.
    """

    class_names: tuple[str, ...] | None = None
    pixels: PixelRange | None = None
    data_is_given: bool = False
    minimum_accuracy: float | None = None


NOTHING_STATED = Statement()


@dataclass(frozen=True)
class LoadedModel:
    """A Keras model in memory: the first value of an export, from which the others are built.

    `sha256` is the digest of the Keras file. `pixels` is the range of numbers that the model expects as its input.
    `record` is the content of its training.json; None without one. `half_precision` names the 16-bit type that a layer
    computes in; None for float32. `versions` are the packages that do the export.
    """

    path: Path
    sha256: str
    model: "keras.Model"
    pixels: PixelRange
    class_names: tuple[str, ...]
    record: dict[str, Any] | None
    half_precision: str | None
    versions: dict[str, str]

    def inputs(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`images`, (N, 28, 28) uint8, as the model takes them: (N, *input shape) float32."""
        return pixel_scaling.inputs(self.pixels, images, tuple(self.model.inputs[0].shape[1:]))


def load(path: Path, dataset: Dataset, stated: Statement, say: Callable[[str], None]) -> LoadedModel:
    """Load the Keras model in `path` and find out its classes and its pixel range, with `dataset` where that helps.

    Raises ExportError as keras_model.load does, and where the classes or the pixel range cannot be determined, or where
    training.json names another data set.
    """
    keras_model.check_exists(path)
    keras_model.import_tensorflow(say)
    say(f"loading {path}")
    model = keras_model.load(path)
    half = half_precision(model)
    if half:
        say(f"{path.name} computes in half precision ({half}); its files compute in float32 and are compared with it")
    digest = keras_model.digest(path)
    record = training_record.read(path, digest, say)
    names = class_names.resolve(model.output_shape[-1], dataset, stated.class_names, say)
    _check_record(record, dataset, stated, path)
    pixels = pixel_scaling.determine_range(model, dataset.train, stated.pixels, record, say)
    say(f"pixels become {pixels}")
    return LoadedModel(
        path=path,
        sha256=digest,
        model=model,
        pixels=pixels,
        class_names=names,
        record=record,
        half_precision=half,
        versions=_versions(),
    )


def _check_record(record: dict[str, Any] | None, dataset: Dataset, stated: Statement, path: Path) -> None:
    """Refuse the default data set for a model whose training.json names another."""
    data = (record or {}).get("data")
    digests = data.get("sha256") if isinstance(data, dict) else None
    if record is not None and not stated.data_is_given and digests not in (None, DIGESTS):
        raise ExportError(
            f"{path}: its training.json names another data set than {dataset.name}; give that data set with --data DIR"
        )


def _versions() -> dict[str, str]:
    import keras
    import tensorflow

    return {
        "fmnist-edge": fmnist_runtime.__version__,
        "python": platform.python_version(),
        "tensorflow": tensorflow.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }
