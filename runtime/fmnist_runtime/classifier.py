"""One image in, one class out: a TFLite interpreter whose buffers are written and read in place.

It does not read image files (fmnist_runtime.sources), choose an interpreter (fmnist_runtime.inference.selection),
check a model file (fmnist_runtime.model.model_file), find out what its pixels, labels and outputs mean
(fmnist_runtime.model.interface), map the interpreter's memory (fmnist_runtime.session) or turn outputs into scores
(fmnist_runtime.inference.scores).
"""

import operator
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import ClosedError, FmnistError, ForkError, NoScoresError
from fmnist_runtime.images.pixel_range import PixelRange
from fmnist_runtime.images.types import SHAPE
from fmnist_runtime.inference import interpreters, scores
from fmnist_runtime.inference.inputs import Writer, check_image, check_images
from fmnist_runtime.inference.interpreters import Interpreter
from fmnist_runtime.model import input_range, interface, model_file
from fmnist_runtime.model.model_file import ModelFile
from fmnist_runtime.model.shipped import model_path
from fmnist_runtime.prediction import Prediction, Stages
from fmnist_runtime.session import open_session, run_batch
from fmnist_runtime.system import forking

_UINT8 = np.dtype(np.uint8)
_IndexSteps = tuple[Writer, Callable[[], object], Callable[[], Any]]
_ClassifySteps = tuple[Writer, Callable[[], object], Callable[[], list[float]]]
# Half the cost of int() on numpy's integers.
_int = operator.index
# A NamedTuple's own __new__ is a Python function around this: 0.1 us of the 0.2 that an instance costs.
_new_tuple = tuple.__new__


class Classifier:
    """A model that is ready to classify images of (28, 28) uint8, 0 background and 255 garment.

    `model` is the path of a .tflite file or the name of a shipped model; None is the shipped default. `backend` is
    "auto", "tflite-runtime" or "litert"; `runtime` says which interpreter runs and why.

    A plain .tflite states neither what its pixels mean nor what its classes are. `pixels`, the real numbers that the
    pixels 0 and 255 stand for, and `labels`, a name for each class, state it. Without `pixels`, `pixel_range` is what
    the file tells, or a guess, mostly 0..1, with `pixel_range.assumed` true. Without `labels`, the labels are those in
    TFLite's own metadata, or "class 0", "class 1" with `label_source` None. No warning is printed or raised.
    `output_kind` says what the outputs are (fmnist_runtime.flatbuffer.output_kind).

    Threads may share a classifier: a lock holds input, invoke and output together. A forked child may go on using it
    where `num_threads` is 1; with more, the interpreter's threads stay in the parent and calls raise ForkError.
    A pickled or copied classifier carries the bytes of its model file and opens them again, with the same arguments,
    where it is loaded.

    Raises ModelFileError, InvalidOutputError, RuntimeMissingError or IncompatibleModelError, each with what to do;
    UnknownBackendError and ThreadsError for the arguments; PixelRangeError and LabelsError where `pixels` or `labels`
    are invalid or contradict the file.
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
        stated = None if pixels is None else input_range.parse_range(pixels)
        names = None if labels is None else interface.parse_labels(labels)
        self._open(model_file.read(model_path(model)), backend, num_threads, stated, names)

    def index(self, image: NDArray[np.uint8]) -> int:
        """The number of the class with the highest score; the shortest way to the answer.

        `image` is (28, 28) uint8. Raises ImageError for anything else, InvalidOutputError where the output is NaN,
        InferenceError where the model fails on the image, ClosedError and ForkError.
        """
        try:
            if image.shape != SHAPE or image.dtype is not _UINT8:
                image = check_image(image)
        except AttributeError:
            image = check_image(image)
        with self._lock:
            write, invoke, argmax = self._index_steps
            write(image)
            invoke()
            return _int(argmax())

    def classify(self, image: NDArray[np.uint8]) -> Prediction:
        """The class with the highest score, its label and its score. `image` and errors as in `index`."""
        try:
            if image.shape != SHAPE or image.dtype is not _UINT8:
                image = check_image(image)
        except AttributeError:
            image = check_image(image)
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
        NoScoresError where it is "unknown".
        """
        if self.output_kind == "unknown":
            raise NoScoresError(
                f"{self.model}: its outputs are neither probabilities nor logits, so there are no scores; use "
                f"index(), classify() or outputs(), or export a model that ends in a softmax"
            )
        return np.array(self._scores(self._one(image)), np.float32)

    def top(self, image: NDArray[np.uint8], k: int) -> list[Prediction]:
        """The `k` classes with the highest scores, best first; ties in the order of the classes.

        Their scores are None where `output_kind` is "unknown". `image` and errors as in `index`.
        """
        outputs = self._one(image)
        all_scores = self._scores(outputs)
        order = sorted(range(len(outputs)), key=lambda index: -outputs[index])
        return [Prediction(index, self.labels[index], all_scores[index]) for index in order[:k]]

    def outputs(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """What the model's output tensor holds for each of `images`, (N, 28, 28) uint8, one invoke an image.

        Returns (N, classes) of the output tensor's own dtype, neither dequantized nor normalised. Raises ImageError,
        InferenceError, ClosedError and ForkError.
        """
        images = check_images(images)
        with self._lock:
            # Read inside the lock: close() replaces them.
            return run_batch(images, self._input, self._invoke, self._output, self._values)

    def stages(self) -> Stages:
        """The stages of `classify`, to be measured one by one; they take no lock and are valid until `close`."""
        return Stages(*self._classify_steps, self._values)

    def close(self) -> None:
        """Release the interpreter and its memory, once calls in other threads are done. May be called again.

        Further calls raise ClosedError.
        """
        with self._lock:
            self._refuse(ClosedError("the classifier is closed; build another one"))
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
        """What pickle and copy need to open the same bytes again; ClosedError where the classifier is closed."""
        if self._interpreter is None:
            raise ClosedError("the classifier is closed and cannot be copied; build another one")
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
        session = open_session(file, found, backend, num_threads)
        self._file, self._backend, self._num_threads = file, backend, num_threads
        self._stated, self._given_labels = stated, labels
        self.model, self.description, self.runtime = file.path, file.description, session.runtime
        self.labels, self.label_source = found.labels, found.label_source
        self.pixel_range, self.output_kind = found.pixel_range, found.output_kind
        self._lock = threading.Lock()
        self._interpreter = session.interpreter
        self._input, self._output, self._values = session.input, session.output, session.input_values
        self._write, self._invoke = session.write, session.invoke
        # The weights of a described file are those that were proved; another file's may give NaN at any time.
        argmax = self._output.argmax if file.description is not None else scores.argmax_function(self._output)
        # What a call does, in one tuple each, which a call reads at once and close() replaces at once.
        self._index_steps: _IndexSteps = self._write, self._invoke, argmax
        self._classify_steps: _ClassifySteps = self._write, self._invoke, self._output.tolist
        rule = found.score_rule(self._output.dtype)
        self._scores, self._highest_score = scores.scores_function(rule), scores.highest_score_function(rule)
        forking.register(self)

    def _one(self, image: NDArray[np.uint8]) -> list[float]:
        return self.outputs(check_image(image)[np.newaxis])[0].tolist()  # type: ignore[no-any-return]

    def _refuse(self, error: FmnistError) -> None:
        """Make every further call raise an error of the class and message of `error`; drop the interpreter's memory."""
        kind, message = type(error), str(error)

        def refuse(*_: object) -> Any:
            raise kind(message)

        self._write = self._invoke = refuse
        self._index_steps = self._classify_steps = refuse, refuse, refuse
        self._input, self._output = np.zeros_like(self._input), np.zeros_like(self._output)

    def _after_fork(self) -> None:
        """Called in a forked child (fmnist_runtime.system.forking)."""
        self._lock = threading.Lock()
        if self._num_threads > 1 and self._interpreter is not None:
            # Never destroyed here: that would wait for threads which do not exist in this process.
            forking.keep_forever(self._interpreter, self._invoke)
            self._refuse(
                ForkError(
                    f"the classifier's {self._num_threads} threads stayed in the process that was forked; "
                    f"build the Classifier after the fork, or with num_threads=1"
                )
            )


def _reopen(
    content: bytes,
    path: Path,
    backend: str,
    num_threads: int,
    stated: PixelRange | None,
    labels: tuple[str, ...] | None,
) -> Classifier:
    """The classifier of a model file's `content`; `path` stands for the file in its messages."""
    classifier = Classifier.__new__(Classifier)
    classifier._open(model_file.parse(content, path), backend, num_threads, stated, labels)
    return classifier
