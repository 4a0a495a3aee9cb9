"""The folder that fmnist-export wrote for one Keras model: both tools start from it."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import FmnistError
from fmnist_runtime.model import golden, model_file
from fmnist_runtime.model.golden import Golden
from fmnist_runtime.model.model_file import ModelFile

FLOAT32 = "float32"
INT8 = ("int8", "int8-strict")
_PRECISIONS = (FLOAT32, *INT8)
_USUAL_STEM = "model"


@dataclass(frozen=True)
class Export:
    """The model files by precision (FLOAT32 and INT8), and the golden file, which holds Keras's answers."""

    name: str
    files: dict[str, ModelFile]
    golden: Golden
    golden_path: Path

    @property
    def float32(self) -> ModelFile:
        """The file that ai-edge-quantizer quantizes."""
        return self.files[FLOAT32]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one image as the model takes it, without the batch."""
        graph = self.float32.graph
        return graph.tensors[graph.inputs[0]].shape[1:]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.float32.labels or ()

    @property
    def pixel_range(self) -> tuple[float, float]:
        """The real numbers that the pixels 0 and 255 stand for."""
        low, high = (self.float32.description or {})["input"]["range"]
        return float(low), float(high)

    @property
    def keras_answers(self) -> NDArray[np.uint16]:
        """The class that Keras predicts for each test image, (N,) uint16."""
        return self.golden.test_expected

    @property
    def training_command(self) -> str | None:
        """The command that trained the model; None where no training.json was beside it."""
        command = (self.float32.description or {}).get("training", {}).get("command")
        return None if command is None else str(command)


def run_export(model: Path, folder: Path, data: Path | None) -> Export:
    """Run fmnist-export on the Keras model `model`. Raises FmnistError where it fails; its message is printed."""
    words = [argument for precision in _PRECISIONS for argument in ("--precision", precision)]
    if data is not None:
        words += ["--data", str(data)]
    command = [sys.executable, "-m", "fmnist_export.command", str(model), *words, "--target", "all", "-o", str(folder)]
    child = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if child.returncode != 0:
        raise FmnistError(f"{model}: fmnist-export ended with {child.returncode}; its own message stands above")
    return read(folder)


def read(folder: Path) -> Export:
    """The export in `folder`. Raises FmnistError where files are missing or of different Keras models."""
    found = sorted(folder.glob(f"*-{FLOAT32}.tflite"))
    if len(found) != 1:
        raise FmnistError(f"{folder}: {len(found)} files *-{FLOAT32}.tflite, expected one; {_way_out()}")
    stem = found[0].name.removesuffix(f"-{FLOAT32}.tflite")
    paths = {precision: folder / f"{stem}-{precision}.tflite" for precision in _PRECISIONS}
    golden_path = folder / golden.file_name(stem)
    for path in (*paths.values(), golden_path):
        if not path.is_file():
            raise FmnistError(f"{folder}: no {path.name}; {_way_out()}")
    export = Export(
        name=_name(stem, folder),
        files={precision: model_file.read(path) for precision, path in paths.items()},
        golden=golden.read(golden_path),
        golden_path=golden_path,
    )
    for file in export.files.values():
        if (file.description or {}).get("keras_sha256") != export.golden.keras_sha256:
            raise FmnistError(f"{file.path}: comes from another Keras model than {golden_path.name}; {_way_out()}")
    return export


def _way_out() -> str:
    words = " ".join(f"--precision {precision}" for precision in _PRECISIONS)
    return f"run fmnist-export MODEL.keras {words} -o DIR, and give DIR"


def _name(stem: str, folder: Path) -> str:
    """The stem; where it is the usual one, the folder's name tells models apart."""
    return stem if stem != _USUAL_STEM else folder.resolve().name
