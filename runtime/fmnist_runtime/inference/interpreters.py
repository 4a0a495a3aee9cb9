"""The two TFLite interpreters, tflite-runtime and LiteRT (its successor), behind one function.

`build` returns the first that really runs the model at hand, with the reason. An import that succeeds proves nothing
(tflite-runtime with numpy 2 imports, then fails), so each candidate is built on the model, allocated and invoked once.
tensorflow.lite is never imported.
"""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime import installation
from fmnist_runtime.errors import IncompatibleModelError, ModelFileError, RuntimeMissingError
from fmnist_runtime.reading import reason

AUTO = "auto"
# On a 64-bit board LiteRT takes less than half of the instructions for int8 (facts: instruction counts), so it is
# tried first.
BACKENDS: dict[str, tuple[str, str]] = {
    "litert": ("LiteRT", "ai_edge_litert"),
    "tflite-runtime": ("tflite-runtime", "tflite_runtime"),
}


class Interpreter(Protocol):
    """What both interpreters have and this package uses."""

    def allocate_tensors(self) -> None: ...  # noqa: D102
    def invoke(self) -> None: ...  # noqa: D102
    def get_input_details(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def get_output_details(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def tensor(self, tensor_index: int) -> Callable[[], NDArray[Any]]: ...  # noqa: D102


class Runtime(NamedTuple):
    """The interpreter that was chosen: its name (a key of BACKENDS), version, and why it was.

    `passed_over` has a sentence for each that "auto" tried before in vain.
    """

    name: str
    version: str
    reason: str
    passed_over: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Such as "LiteRT 2.3.0"."""
        return f"{BACKENDS[self.name][0]} {self.version}"


def build(
    flatbuffer: bytes, backend: str = AUTO, num_threads: int = 1, *, proved: bool = True
) -> tuple[Interpreter, Runtime]:
    """An interpreter on `flatbuffer`, its tensors allocated and invoked once, and the runtime that it belongs to.

    `backend` is "auto" or a key of BACKENDS; an explicit one is honoured or refused. A flatbuffer that is not `proved`
    to be what was exported is tried in a child process first. Raises RuntimeMissingError where no interpreter works on
    this machine, IncompatibleModelError where those that do refuse the model, ModelFileError for a model that crashes
    one, and for an unknown number of threads.
    """
    if backend != AUTO and backend not in BACKENDS:
        raise RuntimeMissingError(f"backend {backend!r} is unknown, expected auto, {' or '.join(BACKENDS)}")
    if num_threads < 1:
        raise ModelFileError(f"num_threads is {num_threads}, expected 1 or more")
    refusals: list[RuntimeMissingError | IncompatibleModelError] = []
    for name in BACKENDS if backend == AUTO else (backend,):
        try:
            interpreter, version = _build(name, flatbuffer, num_threads, proved)
        except (RuntimeMissingError, IncompatibleModelError) as error:
            refusals.append(error)
            continue
        reason = "asked for" if backend != AUTO else "first that runs"
        passed_over = tuple(str(refusal) for refusal in refusals)
        return interpreter, Runtime(name, version, f"{BACKENDS[name][0]} {version}: {reason}", passed_over)
    raise _summary(refusals)


def installed() -> tuple[str, ...]:
    """The keys of BACKENDS whose package is there, which proves nothing more."""
    import importlib.util

    return tuple(name for name, (_, package) in BACKENDS.items() if importlib.util.find_spec(package))


def version(name: str) -> str | None:
    """The version of the installed package of `name`, a key of BACKENDS, or None."""
    try:
        return str(importlib.import_module(BACKENDS[name][1]).__version__)
    except (ImportError, AttributeError, SystemError):
        return None


def _build(name: str, flatbuffer: bytes, num_threads: int, proved: bool) -> tuple[Interpreter, str]:
    module = _module(name)
    if not proved:
        from fmnist_runtime import trial

        trial.attempt(name, flatbuffer)
    version = str(importlib.import_module(BACKENDS[name][1]).__version__)
    title = f"{BACKENDS[name][0]} {version}"
    try:
        interpreter = module.Interpreter(model_content=flatbuffer, num_threads=num_threads)
        interpreter.allocate_tensors()
        interpreter.invoke()
    except (SystemError, ImportError, AttributeError) as error:
        raise RuntimeMissingError(_broken(title, error)) from error
    except MemoryError as error:
        raise ModelFileError(f"memory ran out while {title} opened the model; use a smaller one") from error
    except (
        Exception
    ) as error:  # ValueError, RuntimeError, UnicodeDecodeError of a name, whatever a binding lets through
        raise IncompatibleModelError(
            f"{title} refuses the model: {reason(error)}; export it with --target {name} or use another runtime"
        ) from error
    return interpreter, version


def _module(name: str) -> ModuleType:
    title, package = BACKENDS[name]
    try:
        return importlib.import_module(f"{package}.interpreter")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith(package):
            raise RuntimeMissingError(f"{title} is not installed; {installation.fix_of(name)}") from error
        raise RuntimeMissingError(_broken(title, error)) from error
    except (ImportError, AttributeError, SystemError) as error:
        raise RuntimeMissingError(_broken(title, error)) from error


def _broken(title: str, error: BaseException) -> str:
    if title.startswith("tflite-runtime") and int(np.__version__.split(".")[0]) >= 2:
        return f"{title} needs numpy below 2, found {np.__version__}; run: pip install 'numpy<2'"
    found = " ".join(str(error).split("\n")[0].split())
    return f"{title} is installed and does not run ({type(error).__name__}: {found}); {installation.fix()}"


def _summary(
    refusals: list[RuntimeMissingError | IncompatibleModelError],
) -> RuntimeMissingError | IncompatibleModelError:
    """The refusal that tells most: of the model, else of an interpreter that is there, else that there is none."""
    for refusal in refusals:
        if isinstance(refusal, IncompatibleModelError):
            return refusal
    for refusal in refusals:
        if "is not installed" not in str(refusal):
            return refusal
    if len(refusals) == 1:
        return refusals[0]
    return RuntimeMissingError(f"no TFLite interpreter is installed; {installation.fix()}")
