"""One image in, one class out: a TFLite interpreter whose buffers are written and read in place.

It does not read image files (fmnist_runtime.sources), choose an interpreter (fmnist_runtime.inference.selection),
check a model file (fmnist_runtime.model.model_file), find out what its pixels, labels and outputs mean
(fmnist_runtime.model.interface) or turn outputs into scores (fmnist_runtime.inference.scores).
"""

import operator
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import ImageError, IncompatibleModelError, ModelFileError
from fmnist_runtime.images.pixel_range import PixelRange
from fmnist_runtime.images.types import SHAPE
from fmnist_runtime.inference import interpreters, scores, selection
from fmnist_runtime.inference.inputs import Writer, writer
from fmnist_runtime.inference.interpreters import Interpreter
from fmnist_runtime.model import interface, model_file
from fmnist_runtime.model.model_file import ModelFile
from fmnist_runtime.model.shipped import model_path
from fmnist_runtime.system import reading

_SHAPE = SHAPE
_UINT8 = np.dtype(np.uint8)
# Images that `outputs` converts at a time: 200 KB of float32, which stay in a small cache.
_BLOCK = 64
_IndexSteps = tuple[Writer, Callable[[], object], Callable[[], Any]]
_ClassifySteps = tuple[Writer, Callable[[], object], Callable[[], list[float]]]
# Half the cost of int() on numpy's integers.
_int = operator.index
# A NamedTuple's own __new__ is a Python function around this: 0.1 us of the 0.2 that an instance costs.
_new_tuple = tuple.__new__


class Prediction(NamedTuple):
    """The class with the highest output; of classes that tie, the first.

    `score` is its probability, 0 to 1, None where the model's outputs tell none (Classifier.output_kind).
    """

    index: int  # type: ignore[assignment]  # hides tuple.index(), which nobody needs here
    label: str
    score: float | None


class Stages(NamedTuple):
    """The stages of one `classify`, for measurement: call them in this order, from one thread.

    `write` puts an image, (28, 28) uint8, into the input tensor, unchecked; `invoke` runs the model; `read` gives the
    outputs as numbers. `input_values` is what each of the 256 pixel values becomes, of the input tensor's dtype.
    """

    write: Writer
    invoke: Callable[[], object]
    read: Callable[[], list[float]]
    input_values: NDArray[Any]


class Classifier:
    """A model that is ready to classify images of (28, 28) uint8, 0 background and 255 garment.

    `model` is the path of a .tflite file or the name of a shipped model, None the shipped default. `backend` is
    "auto", "tflite-runtime" or "litert"; `runtime` says which it became and why.

    A plain .tflite states neither what its pixels nor what its classes are. `pixels`, the real numbers that the pixels
    0 and 255 stand for, and `labels`, a name for each class, state it. Without them `pixel_range` is what the file
    tells, or a guess, mostly 0..1, with `pixel_range.assumed` true; the labels are those in TFLite's own metadata, or
    "class 0", "class 1" with `label_source` None. No warning is printed or raised. `output_kind` says what the outputs
    are (fmnist_runtime.flatbuffer.output_kind).

    May be shared by threads: a lock holds input, invoke and output together. A forked child may go on using it where
    `num_threads` is 1; with more, the interpreter's threads stay behind in the parent and calls raise ModelFileError.
    A pickled or copied classifier carries the bytes of its model file and opens them again, with the same arguments,
    where it is loaded.

    Raises ModelFileError, RuntimeMissingError or IncompatibleModelError, each with what to do; PixelRangeError and
    DataError where `pixels` or `labels` are none, or contradict what the file states.
    """

    _lock: threading.Lock
    _interpreter: Interpreter | None

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        backend: str = interpreters.AUTO,
        num_threads: int = 1,
        pixels: PixelRange | tuple[float, float] | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        stated = None if pixels is None else interface.stated_range(pixels)
        names = None if labels is None else interface.stated_labels(labels)
        self._open(model_file.read(model_path(model)), backend, num_threads, stated, names)

    def index(self, image: NDArray[np.uint8]) -> int:
        """The number of the class with the highest score; the shortest way to the answer.

        `image` is (28, 28) uint8. Raises ImageError for anything else, ModelFileError where the model answers NaN.
        """
        try:
            if image.shape != _SHAPE or image.dtype is not _UINT8:
                image = _checked(image)
        except AttributeError:
            image = _checked(image)
        with self._lock:
            write, invoke, argmax = self._index_steps
            write(image)
            invoke()
            return _int(argmax())

    def classify(self, image: NDArray[np.uint8]) -> Prediction:
        """The class with the highest score, its label and its score. `image` and errors as in `index`."""
        try:
            if image.shape != _SHAPE or image.dtype is not _UINT8:
                image = _checked(image)
        except AttributeError:
            image = _checked(image)
        with self._lock:
            write, invoke, values = self._classify_steps
            write(image)
            invoke()
            outputs = values()
        highest = max(outputs)
        index = outputs.index(highest)
        return _new_tuple(Prediction, (index, self.labels[index], self._highest_score(outputs, highest)))

    def probabilities(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The probability of each class, (classes,) float32, sums to 1. `image` and errors as in `index`.

        Where `output_kind` is "independent probabilities", each is the class's own, and they need not sum to 1. Raises
        ModelFileError where it is "unknown".
        """
        if self.output_kind == "unknown":
            raise ModelFileError(
                f"{self.model}: its outputs are no probabilities or logits, so there are no scores; use index(), "
                f"classify() or outputs(), or export a model that ends in a softmax"
            )
        return np.array(self._scores(self._one(image)), np.float32)

    def top(self, image: NDArray[np.uint8], k: int) -> list[Prediction]:
        """The `k` classes with the highest scores, best first; ties in the order of the classes."""
        outputs = self._one(image)
        scores = self._scores(outputs)
        order = sorted(range(len(outputs)), key=lambda index: -outputs[index])
        return [Prediction(index, self.labels[index], scores[index]) for index in order[:k]]

    def outputs(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """What the model's output tensor holds for each of `images`, (N, 28, 28) uint8, one invoke an image.

        Returns (N, classes) of the output tensor's own dtype, neither dequantized nor normalised.
        """
        images = np.asarray(images)
        if images.ndim != 3 or images.shape[1:] != _SHAPE or images.dtype != _UINT8:
            raise ImageError(
                f"images of shape {images.shape} and dtype {images.dtype}, expected (N, 28, 28) uint8, "
                f"0 background and 255 garment"
            )
        # Pixels become inputs a block at a time, and an answer is kept as bytes: one call to numpy costs a tenth of the
        # fastest invoke.
        rows: list[bytes] = []
        keep = rows.append
        inputs = np.empty((min(len(images), _BLOCK), *_SHAPE), self._values.dtype)
        prepare = writer(self._values, inputs)
        with self._lock:
            # Fetched inside the lock: close() exchanges them.
            view, invoke, to_bytes = self._input, self._invoke, self._output.tobytes
            for start in range(0, len(images), _BLOCK):
                block = images[start : start + _BLOCK]
                if len(block) != len(inputs):
                    inputs = inputs[: len(block)]
                    prepare = writer(self._values, inputs)
                prepare(block)
                for prepared in inputs:
                    view[...] = prepared
                    invoke()
                    keep(to_bytes())
        # A bytearray, so that the caller may write into the array.
        return np.frombuffer(bytearray().join(rows), self._output.dtype).reshape(len(images), len(self.labels))

    def stages(self) -> Stages:
        """The stages of `classify`, to be measured one by one; they take no lock and are good until `close`."""
        return Stages(*self._classify_steps, self._values)

    def close(self) -> None:
        """Give the interpreter and its memory back, once calls in other threads are done. May be called again.

        Further calls raise ModelFileError.
        """
        with self._lock:
            self._refuse("the classifier is closed; build another one")
            self._interpreter = None

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

    def __reduce__(self) -> tuple[Any, ...]:
        """What pickle and copy need to open the same bytes again; ModelFileError where the classifier is closed."""
        if self._interpreter is None:
            raise ModelFileError("the classifier is closed and cannot be copied; build another one")
        content = model_file.content(self._file)
        return _reopen, (content, self.model, self._backend, self._num_threads, self._stated, self._given_labels)

    def _open(
        self,
        file: ModelFile,
        backend: str,
        num_threads: int,
        stated: PixelRange | None,
        labels: tuple[str, ...] | None,
    ) -> None:
        found = interface.read(file, stated, labels)
        proved = file.description is not None
        interpreter, self.runtime = selection.build(file.flatbuffer, backend, num_threads, proved=proved)
        self._interpreter = interpreter
        self._file, self._backend, self._num_threads = file, backend, num_threads
        self._stated, self._given_labels = stated, labels
        self.model = file.path
        self.labels, self.label_source = found.labels, found.label_source
        self.pixel_range, self.output_kind = found.pixel_range, found.output_kind
        self.description = file.description
        self._lock = threading.Lock()
        # By the numbers in the file: the interpreters' own lists decode every name, and fail where one is not UTF-8.
        source, result = file.graph.inputs[0], file.graph.outputs[0]
        view = _buffer(interpreter, source, _SHAPE)
        self._output = _buffer(interpreter, result, (len(self.labels),))
        self._input, self._values = view, found.table(view.dtype)
        self._write = writer(self._values, view)
        self._invoke = _invoke_function(interpreter)
        if not proved:
            self._invoke = _guarded(self._invoke, file.path)
        _check_buffers(self, interpreter, result)
        # A described file's weights are those that were proved; another's may answer NaN at any time.
        argmax = self._output.argmax if proved else scores.argmax_function(self._output)
        # What a call does, in one tuple each: fetched at once, and exchanged at once by close().
        self._index_steps: _IndexSteps = self._write, self._invoke, argmax
        self._classify_steps: _ClassifySteps = self._write, self._invoke, self._output.tolist
        rule = found.score_rule(self._output.dtype)
        self._scores, self._highest_score = scores.scores_function(rule), scores.highest_score_function(rule)
        _CLASSIFIERS.add(self)

    def _one(self, image: NDArray[np.uint8]) -> list[float]:
        return self.outputs(_checked(image)[np.newaxis])[0].tolist()  # type: ignore[no-any-return]

    def _refuse(self, message: str) -> None:
        """Let every further call raise ModelFileError with `message`, and let go of the interpreter's memory."""

        def refuse(*_: object) -> Any:
            raise ModelFileError(message)

        self._write = self._invoke = refuse
        self._index_steps = self._classify_steps = refuse, refuse, refuse
        self._input, self._output = np.zeros_like(self._input), np.zeros_like(self._output)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        if self._num_threads > 1 and self._interpreter is not None:
            # Never destroyed here: that would wait for threads which don't exist in this process.
            _LEFT_BEHIND.append((self._interpreter, self._invoke))
            self._refuse(
                f"the classifier's {self._num_threads} threads stayed in the process that was forked; "
                f"build the Classifier after the fork, or with num_threads=1"
            )


# A fork copies the memory as it is and no other thread. So it waits until no classifier is in the middle of a call:
# LiteRT holds a mutex of its own there, which nobody in the child would ever release.
_CLASSIFIERS: "weakref.WeakSet[Classifier]" = weakref.WeakSet()
_HELD: dict[int, list[threading.Lock]] = {}
_LEFT_BEHIND: list[object] = []
_FORK_SECONDS = 10


def _before_fork() -> None:
    held = _HELD[threading.get_ident()] = []
    for lock in [classifier._lock for classifier in list(_CLASSIFIERS)]:
        # Not for ever: a signal handler that forks in the middle of its own thread's call would wait for itself.
        if lock.acquire(timeout=_FORK_SECONDS):
            held.append(lock)


def _after_fork_in_parent() -> None:
    for lock in _HELD.pop(threading.get_ident(), []):
        lock.release()


def _after_fork_in_child() -> None:
    _HELD.clear()
    for classifier in list(_CLASSIFIERS):
        classifier._after_fork()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def _reopen(
    content: bytes,
    path: Path,
    backend: str,
    num_threads: int,
    stated: PixelRange | None,
    labels: tuple[str, ...] | None,
) -> Classifier:
    """The classifier of a model file's `content`; `path` is what it calls itself."""
    classifier = Classifier.__new__(Classifier)
    classifier._open(model_file.parse(content, path), backend, num_threads, stated, labels)
    return classifier


class _Memory:
    """The memory of a tensor for numpy; the arrays made of it keep this object alive, and it the interpreter."""

    def __init__(self, interpreter: Interpreter, view: NDArray[Any]) -> None:
        self.interpreter = interpreter
        self.__array_interface__ = dict(view.__array_interface__)


def _buffer(interpreter: Interpreter, tensor: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """The memory of a tensor as an array of `shape`, which keeps the interpreter alive: nothing can be used after free.

    The interpreter refuses to run while arrays that it handed out are alive, so the array is made from the address,
    which stays the same once the tensors are allocated and one invoke has run (_check_buffers makes sure).
    """
    memory = np.asarray(_Memory(interpreter, interpreter.tensor(tensor)()))
    if memory.size != np.prod(shape):
        raise IncompatibleModelError(
            f"the runtime gives the model's tensor {tensor} {memory.size:,} numbers, its file says {shape}; "
            f"export it again"
        )
    return memory.reshape(shape)


def _check_buffers(classifier: Classifier, interpreter: Interpreter, result: int) -> None:
    """IncompatibleModelError where the output isn't where it was; ModelFileError where an answer isn't finite."""
    for image in (np.zeros(_SHAPE, np.uint8), np.arange(784, dtype=np.uint8).reshape(_SHAPE)):
        classifier._write(image)
        classifier._invoke()
        returned = interpreter.tensor(result)()
        if returned.ctypes.data != classifier._output.ctypes.data or returned.size != classifier._output.size:
            raise IncompatibleModelError(
                f"{classifier.runtime} moves the model's tensors between two runs; export it with a fixed batch of one"
            )
        if not np.isfinite(classifier._output).all():
            raise scores.not_scores()


def _invoke_function(interpreter: Interpreter) -> Callable[[], object]:
    # The wrapper's Interpreter.invoke() only looks for arrays that it handed out, of which there are none, and calls
    # this: 0.2 us of 1.7. It is private, so the public one stands in where it is missing.
    inner = getattr(interpreter, "_interpreter", None)
    return getattr(inner, "Invoke", None) or interpreter.invoke


def _guarded(invoke: Callable[[], object], path: Path) -> Callable[[], object]:
    """`invoke` of a model that nobody proved: what fails for some images only is a ModelFileError, no traceback."""

    def guarded() -> object:
        try:
            return invoke()
        except Exception as error:
            raise ModelFileError(
                f"{path}: the model fails on this image ({reading.reason(error)}); export it again"
            ) from error

    return guarded


def _checked(image: Any) -> NDArray[np.uint8]:
    """`image` as a plain array, where it is (28, 28) uint8; ImageError for anything else."""
    found = f"{type(image).__name__}"
    if isinstance(image, np.ndarray):
        if image.shape == _SHAPE and image.dtype == _UINT8:
            return np.asarray(image).view(_UINT8)
        found = f"{found} of shape {image.shape} and dtype {image.dtype}"
    raise ImageError(
        f"an image that is {found}, expected (28, 28) uint8, "
        f"0 background and 255 garment; for a file use fmnist_runtime.sources.image_files"
    )
