"""The models inside the package, by name: ready to use on a machine that has nothing else.

Each is an int8 file of fmnist-export, with the golden file of the same export beside it; `make shipped-models` makes
them. Their accuracy and agreement are read from the files (fmnist_runtime.model.catalogue).
"""

import os
from pathlib import Path

from fmnist_runtime.errors import ModelFileError

MODELS_FOLDER = Path(__file__).parents[1] / "models"
# Less than half the errors of the mlp. It takes some microseconds longer, a hundredth of the time in which Python
# starts (docs/benchmarks.md, "Which model to take").
DEFAULT = "cnn-micro"
SHIPPED: dict[str, str] = {
    "mlp": "mlp-int8.tflite",
    "cnn-nano": "cnn-nano-int8.tflite",
    "cnn-micro": "cnn-micro-int8.tflite",
}


def model_path(model: str | os.PathLike[str] | None) -> Path:
    """The path of `model`: a path stays as it is, a name of SHIPPED stands for a file in the package, None for DEFAULT.

    Raises ModelFileError for a name that is neither a file nor shipped.
    """
    name = os.fsdecode(model) if model is not None else DEFAULT
    if name in SHIPPED and not os.path.lexists(name):
        return MODELS_FOLDER / SHIPPED[name]
    if not os.path.lexists(name):
        raise ModelFileError(
            f"{name}: no such file, expected a .tflite file or one of the shipped {', '.join(SHIPPED)}"
        )
    return Path(name)


def golden_path(name: str = DEFAULT) -> Path:
    """The golden file of the shipped model `name`.

    The default's images are used wherever real images are needed and none are given.
    """
    from fmnist_runtime.model import golden

    return MODELS_FOLDER / golden.file_name(name)
