"""fmnist_runtime: a Fashion-MNIST classifier on the device, on tflite-runtime or LiteRT.

    from fmnist_runtime import Classifier
    Classifier("mlp-int8.tflite").classify(image)     # (28, 28) uint8 -> Prediction(index, label, score)

The public names are loaded at their first use, so that `fmnist-classify --help` needs no numpy. Training and export
are not here: they need Keras (fmnist_train, fmnist_export).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fmnist_runtime.classifier import Classifier
    from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
    from fmnist_runtime.errors import FmnistError
    from fmnist_runtime.prediction import Prediction
    from fmnist_runtime.sources.image_files import read_images

__version__ = "0.1.0"
__all__ = ["CLASS_NAMES", "Classifier", "FmnistError", "Prediction", "read_images"]

_MODULES = {
    "CLASS_NAMES": "data.fashion_mnist_labels",
    "Classifier": "classifier",
    "FmnistError": "errors",
    "Prediction": "prediction",
    "read_images": "sources.image_files",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
