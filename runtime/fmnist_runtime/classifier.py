"""One image in, one class out: a TFLite interpreter whose buffers are written and read in place.

What it does not do: read image files (fmnist_runtime.images), choose an interpreter (fmnist_runtime.interpreters),
check a model file (fmnist_runtime.modelfile).
"""

import ctypes
import math
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime import interpreters, modelfile, pixels
from fmnist_runtime.errors import ImageError, ModelFileError
from fmnist_runtime.interpreters import Interpreter
from fmnist_runtime.labels import CLASS_NAMES
from fmnist_runtime.modelfile import ModelFile
from fmnist_runtime.shipped import model_path

_UINT8 = np.dtype(np.uint8)


class Prediction(NamedTuple):
    """The class with the highest score; of classes that tie, the first. `score` is its probability, 0 to 1."""

    index: int  # type: ignore[assignment]  # hides tuple.index(), which nobody needs here
    label: str
    score: float


class Classifier:
    """A model that is ready to classify images of (28, 28) uint8, 0 background and 255 garment.

    `model` is the path of a .tflite file or the name of a shipped model, None the shipped default. `backend` is
    "auto", "tflite-runtime" or "litert". May be shared by threads: a lock holds input, invoke and output together.

    Raises ModelFileError, RuntimeMissingError or IncompatibleModelError, each with what to do.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        backend: str = interpreters.AUTO,
        num_threads: int = 1,
    ) -> None:
        file = modelfile.read(model_path(model))
        interface = _interface(file)
        self._interpreter, self.runtime = interpreters.build(file.flatbuffer, backend, num_threads)
        self.model = file.path
        self.labels = interface.labels
        self.description = file.description
        self._lock = threading.Lock()
        input_view = _buffer(self._interpreter, self._interpreter.get_input_details()[0], pixels.SHAPE)
        self._output = _buffer(self._interpreter, self._interpreter.get_output_details()[0], (len(self.labels),))
        self._write = pixels.writer(interface.table(input_view.dtype), input_view)
        self._argmax = self._output.argmax
        self._invoke = _invoke_function(self._interpreter)
        self._scores = _scores_function(self._output.dtype, interface)

    def index(self, image: NDArray[np.uint8]) -> int:
        """The number of the class with the highest score; the shortest way to the answer.

        `image` is (28, 28) uint8. Raises ImageError for any other shape or dtype.
        """
        if image.shape != pixels.SHAPE or image.dtype != _UINT8:
            raise _wrong_image(image)
        with self._lock:
            self._write(image)
            self._invoke()
            return int(self._argmax())

    def classify(self, image: NDArray[np.uint8]) -> Prediction:
        """The class with the highest score, its label and its probability. `image` and errors as in `index`."""
        if image.shape != pixels.SHAPE or image.dtype != _UINT8:
            raise _wrong_image(image)
        with self._lock:
            self._write(image)
            self._invoke()
            outputs = self._output.tolist()
        scores = self._scores(outputs)
        index = outputs.index(max(outputs))
        return Prediction(index, self.labels[index], scores[index])

    def probabilities(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The probability of each class, (classes,) float32, sums to 1. `image` and errors as in `index`."""
        return np.array(self._scores(self.outputs(self._batch(image))[0].tolist()), np.float32)

    def top(self, image: NDArray[np.uint8], k: int) -> list[Prediction]:
        """The `k` classes with the highest scores, best first; ties in the order of the classes."""
        outputs = self.outputs(self._batch(image))[0].tolist()
        scores = self._scores(outputs)
        order = sorted(range(len(outputs)), key=lambda index: -outputs[index])
        return [Prediction(index, self.labels[index], scores[index]) for index in order[:k]]

    def outputs(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """What the model's output tensor holds for each of `images`, (N, 28, 28) uint8, one invoke an image.

        Returns (N, classes) of the output tensor's own dtype, neither dequantized nor normalised.
        """
        if images.ndim != 3 or images.shape[1:] != pixels.SHAPE or images.dtype != _UINT8:
            raise ImageError(
                f"images of shape {images.shape} and dtype {images.dtype}, expected (N, 28, 28) uint8, "
                f"0 background and 255 garment"
            )
        answers = np.empty((len(images), len(self.labels)), self._output.dtype)
        write, invoke, output = self._write, self._invoke, self._output
        with self._lock:
            for image, answer in zip(images, answers, strict=True):
                write(image)
                invoke()
                answer[...] = output
        return answers

    def close(self) -> None:
        """Give the interpreter and its memory back. Further calls raise ModelFileError."""
        with self._lock:
            self._write = self._invoke = _closed
            self._output = np.zeros_like(self._output)
            self._argmax = self._output.argmax
            del self._interpreter

    def __enter__(self) -> "Classifier":
        """The classifier itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the classifier."""
        self.close()

    def __repr__(self) -> str:
        """The model and the runtime, with the reason for it."""
        return f"Classifier({str(self.model)!r}, {self.runtime.reason})"

    def _batch(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if image.shape != pixels.SHAPE or image.dtype != _UINT8:
            raise _wrong_image(image)
        return image[np.newaxis]


class _Interface(NamedTuple):
    """What the classifier needs to know of a model beside its flatbuffer."""

    labels: Sequence[str]
    low: float
    high: float
    input_scale: float
    input_zero_point: int
    output_scale: float
    output_zero_point: int
    probabilities: bool

    def table(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The input values of the 256 pixel values."""
        return pixels.table(dtype, self.low, self.high, self.input_scale, self.input_zero_point)


def _interface(file: ModelFile) -> _Interface:
    """The interface of a model file; ModelFileError where it is not that of a classifier of 28x28 images."""
    graph = file.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelFileError(
            f"{file.path}: {len(graph.inputs)} inputs and {len(graph.outputs)} outputs, expected one of each"
        )
    source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    if source.shape not in ((1, 28, 28), (1, 28, 28, 1)) or source.dtype not in (
        "float32",
        "int8",
        "uint8",
        "int16",
    ):
        raise ModelFileError(
            f"{file.path}: the input is {source.dtype} {source.shape}, "
            f"expected float32, int8, uint8 or int16 of (1, 28, 28) or (1, 28, 28, 1)"
        )
    if len(result.shape) != 2 or result.shape[0] != 1 or result.dtype not in ("float32", "int8", "uint8", "int16"):
        raise ModelFileError(f"{file.path}: the output is {result.dtype} {result.shape}, expected (1, classes)")
    labels = file.labels or _default_labels(result.shape[1], file.path)
    if len(labels) != result.shape[1]:
        raise ModelFileError(f"{file.path}: {len(labels)} labels for {result.shape[1]} classes; export the file again")
    input_scale, input_zero_point = _quantization(source.scales, source.zero_points)
    output_scale, output_zero_point = _quantization(result.scales, result.zero_points)
    low, high = _pixel_range(file, input_scale)
    softmax = graph.ends_in_softmax
    return _Interface(labels, low, high, input_scale, input_zero_point, output_scale, output_zero_point, softmax)


def _pixel_range(file: ModelFile, scale: float) -> tuple[float, float]:
    if file.description:
        low, high = file.description["input"]["range"]
        return float(low), float(high)
    # A file that describes nothing: a quantized input whose 255 steps span 255 takes raw pixels, else 0..1 is usual.
    return (0.0, 255.0) if scale > 0.5 else (0.0, 1.0)


def _quantization(scales: tuple[float, ...], zero_points: tuple[int, ...]) -> tuple[float, int]:
    return (scales[0], zero_points[0]) if scales and zero_points else (0.0, 0)


def _default_labels(count: int, path: Path) -> tuple[str, ...]:
    if count != len(CLASS_NAMES):
        raise ModelFileError(
            f"{path}: {count} classes and no labels, expected the {len(CLASS_NAMES)} of Fashion-MNIST; "
            f"export the model with fmnist-export --labels"
        )
    return CLASS_NAMES


def _buffer(interpreter: Interpreter, details: dict[str, Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The memory of a tensor as an array of `shape`, without a reference to the interpreter.

    The interpreter refuses to run while arrays that it handed out are alive, so the array is made from the address,
    which stays the same once the tensors are allocated and one invoke has run. The Classifier keeps both alive.
    """
    view = interpreter.tensor(details["index"])()
    address = view.__array_interface__["data"][0]
    memory = (ctypes.c_uint8 * view.nbytes).from_address(address)
    flat: NDArray[Any] = np.ndarray(view.size, view.dtype, memoryview(memory))
    return flat.reshape(shape)


def _invoke_function(interpreter: Interpreter) -> Callable[[], object]:
    # The wrapper's Interpreter.invoke() only looks for arrays that it handed out, of which there are none, and calls
    # this: 0.2 us of 1.7. It is private, so the public one stands in where it is missing.
    inner = getattr(interpreter, "_interpreter", None)
    return getattr(inner, "Invoke", None) or interpreter.invoke


def _scores_function(dtype: np.dtype[Any], interface: _Interface) -> Callable[[list[float]], list[float]]:
    """A function from the output's values, as a list, to probabilities that sum to 1."""
    scale, zero_point = interface.output_scale, interface.output_zero_point
    if np.issubdtype(dtype, np.floating):
        scale, zero_point = 1.0, 0
    if not interface.probabilities:
        return lambda outputs: _softmax(outputs, scale)
    return lambda outputs: _normalise(outputs, zero_point)


def _softmax(outputs: list[float], scale: float) -> list[float]:
    highest = max(outputs)
    powers = [math.exp((output - highest) * scale) for output in outputs]
    total = sum(powers)
    return [power / total for power in powers]


def _normalise(outputs: list[float], zero_point: int) -> list[float]:
    total = sum(outputs) - zero_point * len(outputs)
    if not total > 0:
        raise ModelFileError("the model's scores are all zero or not numbers; its weights are damaged, export it again")
    return [(output - zero_point) / total for output in outputs]


def _wrong_image(image: NDArray[Any]) -> ImageError:
    return ImageError(
        f"an image of shape {image.shape} and dtype {image.dtype}, expected (28, 28) uint8, "
        f"0 background and 255 garment; for a file use fmnist_runtime.images"
    )


def _closed(*_: object) -> None:
    raise ModelFileError("the classifier is closed; build another one")
