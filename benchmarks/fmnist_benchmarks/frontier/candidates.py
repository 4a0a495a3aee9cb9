"""The models of the frontier: their files, their targets, and the number of parameters of a file.

The targets are the project's own, for the int8 file on tflite-runtime 2.14 and the 10,000 test images; a KB is 1,000
bytes.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fmnist_benchmarks.measure.subject import precision
from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.flatbuffer.graph import Graph
from fmnist_runtime.model import model_file
from fmnist_runtime.model.shipped import model_path

PRECISIONS = ("float32", "int8")
# fmnist-export calls the files of model.keras model-int8.tflite and so on; then the folder names the model.
_DEFAULT_STEM = "model"
_MOST_LOST = 0.002
_LEAST_AGREEMENT = 0.995
# Operators whose constant inputs are trained parameters; a shape, an axis or a padding is none.
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
    """What the int8 file of a model must reach; `most_bytes` is None where there is no size limit."""

    most_bytes: int | None
    least_accuracy: float


TARGETS: dict[str, Target] = {
    "mlp": Target(None, 0.874),
    "cnn-nano": Target(32_000, 0.930),
    "cnn-micro": Target(110_000, 0.945),
    "cnn-small": Target(300_000, 0.954),
}


@dataclass(frozen=True)
class Candidate:
    """A model to compare: its name, and its files by precision, at least one."""

    name: str
    files: dict[str, Path]


def resolve(arguments: Iterable[str]) -> list[Candidate]:
    """The models that `arguments` name, in their order; files of the same name belong to one model.

    An argument is a .tflite file, a shipped model's name, a folder with <stem>-float32.tflite or <stem>-int8.tflite in
    it, or a folder of such folders. NAME= in front gives the model's name, else the stem or the folder does. Raises
    ModelFileError where a file is missing or of another precision, and where two have the same name and precision.
    """
    found: dict[str, dict[str, Path]] = {}
    for argument in arguments:
        for name, path in _named(argument):
            kind = precision(model_file.read(path))
            if kind not in PRECISIONS:
                raise ModelFileError(f"{path}: its precision is {kind}, expected {' or '.join(PRECISIONS)}")
            files = found.setdefault(name, {})
            if kind in files:
                raise ModelFileError(
                    f"{path}: {files[kind]} is already the {kind} file of {name}; rename one with NAME={path}"
                )
            files[kind] = path
    return [Candidate(name, files) for name, files in found.items()]


def titled_files(models: Sequence[Candidate]) -> list[tuple[str, Path]]:
    """Every file of `models` with a unique title: the model's name, with the precision where it has several files."""
    return [
        (f"{model.name} {kind}" if len(model.files) > 1 else model.name, path)
        for model in models
        for kind, path in model.files.items()
    ]


def count_parameters(graph: Graph) -> int:
    """The number of trained parameters in a file: weights and biases, with batch norm already folded into them."""
    constants = {
        number
        for operator in graph.operators
        if operator.name in _TRAINED
        for number in operator.inputs
        if number >= 0 and graph.tensors[number].data.length
    }
    sizes = [math.prod(graph.tensors[number].shape) for number in constants]
    return sum(size for size in sizes if size > 1)  # a single number is a scale of the input, such as 1/255


def shortfalls(
    target: Target, size: int, accuracy: float, keras_accuracy: float | None, agreement: float | None
) -> list[str]:
    """Where an int8 file of `size` bytes falls short of `target`, a few words each; empty where it meets the target.

    Besides bytes and accuracy it must be within 0.2 points of its own Keras model and agree with it on 99.5 % of the
    images. `keras_accuracy` and `agreement` are None where the file has no proof, which is a shortfall too.
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
    """The files that an argument names, each with the name of its model."""
    name, equals, rest = argument.partition("=")
    stated = name if equals and not Path(argument).exists() else None
    path = model_path(rest if stated else argument)
    if not path.is_dir():
        return [(stated or _name(path), path)]
    files = _files(path) or [file for folder in sorted(path.iterdir()) if folder.is_dir() for file in _files(folder)]
    if not files:
        raise ModelFileError(
            f"{path}: has no <stem>-{'.tflite and no <stem>-'.join(PRECISIONS)}.tflite, expected what fmnist-export "
            f"--quantize writes"
        )
    return [(stated or _name(file), file) for file in files]


def _files(folder: Path) -> list[Path]:
    return [file for kind in PRECISIONS for file in sorted(folder.glob(f"*-{kind}.tflite"))]


def _name(file: Path) -> str:
    stem = next(
        (file.stem.removesuffix(f"-{kind}") for kind in PRECISIONS if file.stem.endswith(f"-{kind}")), file.stem
    )
    return stem if stem != _DEFAULT_STEM else file.resolve().parent.name
