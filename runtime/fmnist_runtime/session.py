"""An interpreter on one model, with the memory of its input and output tensors as arrays.

It does not choose the interpreter (fmnist_runtime.inference.selection), lock it (fmnist_runtime.classifier) or turn
outputs into scores (fmnist_runtime.inference.scores).
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import IncompatibleModelError, InferenceError, InvalidOutputError
from fmnist_runtime.images.types import SHAPE
from fmnist_runtime.inference import scores, selection
from fmnist_runtime.inference.inputs import Writer, writer
from fmnist_runtime.inference.interpreters import Interpreter, Runtime
from fmnist_runtime.model.interface import Interface
from fmnist_runtime.model.model_file import ModelFile
from fmnist_runtime.system import reading

# Images that `run_batch` converts at a time: 200 KB of float32, which stay in a small cache.
_BLOCK = 64


class Session(NamedTuple):
    """A model that is ready to run.

    `input` is (28, 28) and `output` (classes,), both views of the interpreter's memory; `input_values` is the input
    value of each of the 256 pixel values. `write` puts an image into `input`, `invoke` runs the model.
    """

    interpreter: Interpreter
    runtime: Runtime
    input: NDArray[Any]
    output: NDArray[Any]
    input_values: NDArray[Any]
    write: Writer
    invoke: Callable[[], object]


def open_session(file: ModelFile, interface: Interface, backend: str, num_threads: int) -> Session:
    """A session on `file`, run twice to check that its tensors stay where they are and its outputs are finite.

    Raises as `selection.build`, and InvalidOutputError where an output is not finite.
    """
    proved = file.description is not None
    interpreter, runtime = selection.build(file.flatbuffer, backend, num_threads, proved=proved)
    # Tensors by their numbers in the file: the interpreters' own lists decode every name, and fail where one is not
    # UTF-8.
    source, result = file.graph.inputs[0], file.graph.outputs[0]
    view = _tensor_array(interpreter, source, SHAPE)
    output = _tensor_array(interpreter, result, (len(interface.labels),))
    values = interface.input_values(view.dtype)
    invoke = _invoke_function(interpreter)
    if not proved:
        invoke = _guarded(invoke, file.path)
    session = Session(interpreter, runtime, view, output, values, writer(values, view), invoke)
    _check(session, result)
    return session


def run_batch(
    images: NDArray[np.uint8],
    view: NDArray[Any],
    invoke: Callable[[], object],
    output: NDArray[Any],
    values: NDArray[Any],
) -> NDArray[Any]:
    """The outputs, (N, classes) of the dtype of `output`, for `images`, (N, 28, 28) uint8: one invoke an image.

    The other arguments are the fields `input`, `invoke`, `output` and `input_values` of a Session.
    """
    # Pixels become inputs a block at a time, and an output is kept as bytes: one call to numpy costs a tenth of the
    # fastest invoke.
    rows: list[bytes] = []
    keep, to_bytes = rows.append, output.tobytes
    inputs = np.empty((min(len(images), _BLOCK), *SHAPE), values.dtype)
    prepare = writer(values, inputs)
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK]
        if len(block) != len(inputs):
            inputs = inputs[: len(block)]
            prepare = writer(values, inputs)
        prepare(block)
        for prepared in inputs:
            view[...] = prepared
            invoke()
            keep(to_bytes())
    # A bytearray, so that the caller may write into the array.
    return np.frombuffer(bytearray().join(rows), output.dtype).reshape(len(images), len(output))


class _Memory:
    """The memory of a tensor for numpy: arrays made of it keep this object alive, which keeps the interpreter alive."""

    def __init__(self, interpreter: Interpreter, view: NDArray[Any]) -> None:
        self.interpreter = interpreter
        self.__array_interface__ = dict(view.__array_interface__)


def _tensor_array(interpreter: Interpreter, tensor: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """The memory of a tensor as an array of `shape`, which keeps the interpreter alive: nothing is used after free.

    The interpreter refuses to run while arrays that it handed out are alive, so the array is made from the address,
    which stays the same once the tensors are allocated and one invoke has run (`_check` makes sure).
    """
    memory = np.asarray(_Memory(interpreter, interpreter.tensor(tensor)()))
    if memory.size != math.prod(shape):
        raise IncompatibleModelError(
            f"the runtime gives the model's tensor {tensor} {memory.size:,} numbers, its file says {shape}; "
            f"export it again"
        )
    return memory.reshape(shape)


def _check(session: Session, result: int) -> None:
    """IncompatibleModelError where tensor `result` has moved; InvalidOutputError where an output is not finite."""
    output = session.output
    for image in (np.zeros(SHAPE, np.uint8), np.arange(math.prod(SHAPE), dtype=np.uint8).reshape(SHAPE)):
        session.write(image)
        session.invoke()
        returned = session.interpreter.tensor(result)()
        if returned.ctypes.data != output.ctypes.data or returned.size != output.size:
            raise IncompatibleModelError(
                f"{session.runtime} moves the model's tensors between two runs; export it with a fixed batch of one"
            )
        if not np.isfinite(output).all():
            raise InvalidOutputError(scores.INVALID)


def _invoke_function(interpreter: Interpreter) -> Callable[[], object]:
    # The wrapper's Interpreter.invoke() only looks for arrays that it handed out, of which there are none, and calls
    # this: 0.2 us of 1.7. It is private, so the public one stands in where it is missing.
    inner = getattr(interpreter, "_interpreter", None)
    return getattr(inner, "Invoke", None) or interpreter.invoke


def _guarded(invoke: Callable[[], object], path: Path) -> Callable[[], object]:
    """`invoke` for a model without a proof, which may fail on some images: the failure becomes an InferenceError."""

    def guarded() -> object:
        try:
            return invoke()
        except Exception as error:
            raise InferenceError(
                f"{path}: the model fails on this image ({reading.error_text(error)}); export it again"
            ) from error

    return guarded
