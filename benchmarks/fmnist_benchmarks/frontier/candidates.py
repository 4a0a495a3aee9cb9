"""The ladder of models: its rungs by name, what each must reach, and how many parameters a file has.

The targets are those that the project set itself for the int8 file on tflite-runtime 2.14, on the 10,000 test images;
a KB is 1,000 bytes.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fmnist_benchmarks.measure.rounds import precision
from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.flatbuffer.graph import Graph
from fmnist_runtime.model import model_file
from fmnist_runtime.model.shipped import model_path

PRECISIONS = ("float32", "int8")
# fmnist-export calls the files of model.keras model-int8.tflite and so on: then the folder tells models apart.
_USUAL_STEM = "model"
_MOST_LOST = 0.002
_LEAST_AGREEMENT = 0.995
# Operators whose constant inputs are numbers that were trained; a shape, an axis or a padding is not.
_TRAINED = {
    "ADD",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "DEQUANTIZE",
    "FULLY_CONNECTED",
    "MUL",
    "PRELU",
    "SUB",
    "TRANSPOSE_CONV",
}


@dataclass(frozen=True)
class Target:
    """What the int8 file of a rung must reach: `most_bytes` is None where it may be as large as it falls."""

    most_bytes: int | None
    least_accuracy: float


TARGETS: dict[str, Target] = {
    "mlp": Target(None, 0.874),
    "cnn-nano": Target(32_000, 0.930),
    "cnn-micro": Target(110_000, 0.945),
    "cnn-small": Target(300_000, 0.954),
}


@dataclass(frozen=True)
class Rung:
    """A model: its name and its files by precision, of which there is at least one."""

    name: str
    files: dict[str, Path]


def find(arguments: Iterable[str]) -> list[Rung]:
    """The rungs that `arguments` name, in their order; files of the same name are one rung.

    An argument is a .tflite file, a shipped model's name, a folder with <stem>-float32.tflite or <stem>-int8.tflite in
    it, or a folder of such folders; NAME= before it says what the model is called, else the folder or the stem does.
    Raises ModelFileError where there is no such file, where one is of another precision, and where two are the same.
    """
    found: dict[str, dict[str, Path]] = {}
    for argument in arguments:
        for name, path in _named(argument):
            kind = precision(model_file.read(path))
            if kind not in PRECISIONS:
                raise ModelFileError(f"{path}: of precision {kind}, expected {' or '.join(PRECISIONS)}")
            files = found.setdefault(name, {})
            if kind in files:
                raise ModelFileError(f"{path}: {name} has {files[kind]} as {kind} already; name one NAME={path}")
            files[kind] = path
    return [Rung(name, files) for name, files in found.items()]


def titles(ladder: Sequence[Rung]) -> list[tuple[str, Path]]:
    """Every file of `ladder` with a name that tells it apart: the rung's, with the precision where it has several."""
    return [
        (f"{rung.name} {kind}" if len(rung.files) > 1 else rung.name, path)
        for rung in ladder
        for kind, path in rung.files.items()
    ]


def parameters(graph: Graph) -> int:
    """How many trained numbers a file holds: weights and biases, with batch norm already folded into them."""
    constants = {
        number
        for operator in graph.operators
        if operator.name in _TRAINED
        for number in operator.inputs
        if number >= 0 and graph.tensors[number].data.length
    }
    sizes = [math.prod(graph.tensors[number].shape) for number in constants]
    return sum(size for size in sizes if size > 1)  # one number is a scale of the input, such as 1/255


def missed(
    target: Target, size: int, accuracy: float, keras_accuracy: float | None, agreement: float | None
) -> list[str]:
    """In which ways an int8 file of `size` bytes falls short of `target`, a few words each; empty where it is met.

    Beside bytes and accuracy it must be within 0.2 points of its own Keras model and agree with it on 99.5 % of the
    images; what is None is not known, and is said to be.
    """
    found = []
    if target.most_bytes is not None and size > target.most_bytes:
        found.append(f"{size:,} bytes")
    if accuracy < target.least_accuracy:
        found.append(f"accuracy {accuracy:.4f}")
    if keras_accuracy is None or agreement is None:
        return [*found, "no proof against Keras"]
    if keras_accuracy - accuracy > _MOST_LOST + 1e-9:
        found.append(f"{100 * (keras_accuracy - accuracy):.2f} points below Keras")
    if agreement < _LEAST_AGREEMENT:
        found.append(f"agreement {agreement:.4f}")
    return found


def _named(argument: str) -> list[tuple[str, Path]]:
    """The files that an argument means, each with the name of its rung."""
    name, equals, rest = argument.partition("=")
    given = name if equals and not Path(argument).exists() else None
    path = model_path(rest if given else argument)
    if not path.is_dir():
        return [(given or _name(path), path)]
    files = _files(path) or [file for folder in sorted(path.iterdir()) if folder.is_dir() for file in _files(folder)]
    if not files:
        raise ModelFileError(
            f"{path}: no <stem>-{'.tflite and no <stem>-'.join(PRECISIONS)}.tflite there, expected what fmnist-export "
            f"--quantize writes"
        )
    return [(given or _name(file), file) for file in files]


def _files(folder: Path) -> list[Path]:
    return [file for kind in PRECISIONS for file in sorted(folder.glob(f"*-{kind}.tflite"))]


def _name(file: Path) -> str:
    stem = next(
        (file.stem.removesuffix(f"-{kind}") for kind in PRECISIONS if file.stem.endswith(f"-{kind}")), file.stem
    )
    return stem if stem != _USUAL_STEM else file.resolve().parent.name
