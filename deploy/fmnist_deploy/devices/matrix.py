"""The work of the matrix: the wheel, models and images that all cells share, and one run for each cell."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist_deploy import wheels
from fmnist_deploy.devices import cell_run, installation, userland
from fmnist_deploy.devices.cell_run import CellResult, Model
from fmnist_deploy.devices.cells import CELLS, Cell
from fmnist_deploy.devices.userland import UnavailableError
from fmnist_runtime.data.fashion_mnist_files import read_test_split
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.model import golden, model_file
from fmnist_runtime.model.shipped import MODELS_FOLDER, SHIPPED, golden_path

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


@dataclass(frozen=True)
class Work:
    """The cells to run, with the files that each needs."""

    cells: tuple[Cell, ...]
    wheel: Path
    models: list[Model]
    images: Path
    pictures: list[Path]
    # Two cells share a userland, which one of them makes.
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, cell: Cell) -> CellResult:
        """Run `cell`; the result, or the reason why it cannot be run here."""
        try:
            with self.lock:
                installed = installation.install(cell, self.wheel)
        except UnavailableError as error:
            return CellResult(cell, not_run=str(error))
        return cell_run.run_cell(cell, installed, self.models, self.images, self.pictures)


def prepare(scratch: Path, wheel: Path | None, folder: Path, data: Path, images: int) -> Work:
    """Prepare the files that the cells need below `scratch`. `folder` holds the freshly exported models.

    Raises FmnistError where there is no model or no data set.
    """
    userland.cache().mkdir(parents=True, exist_ok=True)
    test = read_test_split(data).images[:images]
    np.save(scratch / "images.npy", test)
    return Work(
        CELLS, wheel or wheels.make_own(scratch), shipped() + exported(folder), scratch / "images.npy",
        _pictures(test, scratch),
    )  # fmt: skip


def shipped() -> list[Model]:
    """The models inside the package."""
    return [_model(f"shipped {name}", MODELS_FOLDER / file, golden_path(name)) for name, file in SHIPPED.items()]


def exported(folder: Path) -> list[Model]:
    """The files that fmnist-export wrote to `folder`. Raises FmnistError where there is none."""
    models = []
    for path in sorted(folder.glob("*.tflite")):
        beside = golden.find(path)
        if beside is None:
            raise FmnistError(f"{path}: no golden file beside it, expected that of fmnist-export; export it again")
        models.append(_model(path.stem, path, beside))
    if not models:
        raise FmnistError(f"{folder}: no .tflite file, expected those of fmnist-export; run: make devices")
    return models


def _model(name: str, path: Path, beside: Path) -> Model:
    graph = model_file.read(path).graph
    convolutions = [operator for operator in graph.operators if operator.name in _CONVOLUTIONS]
    return Model(name, path, beside, any(graph.tensors[each.inputs[0]].dtype == "int8" for each in convolutions))


def _pictures(test: NDArray[np.uint8], scratch: Path) -> list[Path]:
    """A PNG and a .npy of test images, and a JPEG of a garment on a light wall."""
    from PIL import Image

    Image.fromarray(test[0]).save(scratch / "boot.png")
    np.save(scratch / "trousers.npy", test[2])
    large = Image.fromarray(255 - test[1]).resize((280, 280), Image.Resampling.BICUBIC)
    photo = Image.new("L", (400, 300), 255)
    photo.paste(large, (60, 10))
    photo.save(scratch / "pullover.jpg", quality=95)
    return [scratch / "boot.png", scratch / "trousers.npy", scratch / "pullover.jpg"]
