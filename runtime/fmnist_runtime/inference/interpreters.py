"""The two TFLite interpreters, tflite-runtime and LiteRT (its successor), behind one function.

An import that succeeds proves nothing (tflite-runtime with numpy 2 imports, then fails). So an interpreter is built on
the model itself, allocated and invoked once. tensorflow.lite is never imported.

This module does not choose between the two (fmnist_runtime.inference.selection).
"""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.errors import IncompatibleModelError, ModelFileError, RuntimeMissingError
from fmnist_runtime.system.reading import error_text

AUTO = "auto"
# On a 64-bit board LiteRT takes less than half of the instructions for int8 (docs/measurements.md), so it is tried
# first.
BACKENDS: dict[str, tuple[str, str]] = {
    "litert": ("LiteRT", "ai_edge_litert"),
    "tflite-runtime": ("tflite-runtime", "tflite_runtime"),
}


class Interpreter(Protocol):
    """The methods that both interpreters have and this package uses."""

    def allocate_tensors(self) -> None: ...  # noqa: D102
    def invoke(self) -> None: ...  # noqa: D102
    def tensor(self, tensor_index: int) -> Callable[[], NDArray[Any]]: ...  # noqa: D102


class Runtime(NamedTuple):
    """The interpreter that runs: its name (a key of BACKENDS), its version, and the reason for the choice.

    `passed_over` has a sentence for each interpreter that "auto" tried first and that failed.
    """

    name: str
    version: str
    reason: str
    passed_over: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Such as "LiteRT 2.3.0"."""
        return f"{BACKENDS[self.name][0]} {self.version}"


def load_module(name: str) -> ModuleType:
    """The interpreter module of the backend `name`. Raises RuntimeMissingError where it cannot be imported."""
    title, package = BACKENDS[name]
    try:
        return importlib.import_module(f"{package}.interpreter")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith(package):
            from fmnist_runtime.inference import installation  # only where it is needed: a start is faster without it

            raise RuntimeMissingError(f"{title} is not installed; {installation.backend_advice(name)}") from error
        raise RuntimeMissingError(_broken(title, error)) from error
    except (ImportError, AttributeError, SystemError) as error:
        raise RuntimeMissingError(_broken(title, error)) from error


def build(name: str, flatbuffer: bytes, num_threads: int = 1) -> tuple[Interpreter, str]:
    """An interpreter of the backend `name` on `flatbuffer`, allocated and invoked once, and its version.

    Raises RuntimeMissingError where it does not work on this machine, IncompatibleModelError where it refuses the
    model, ModelFileError where memory runs out. A damaged model may end the process, so
    fmnist_runtime.inference.sandbox runs a model without a proof in a child process first.
    """
    module = load_module(name)
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
    except Exception as error:  # ValueError, RuntimeError, UnicodeDecodeError of a name, and others from a binding
        raise IncompatibleModelError(
            f"{title} refuses the model: {error_text(error)}; export it with --target {name} or use another runtime"
        ) from error
    return interpreter, version


def installed_backends() -> tuple[str, ...]:
    """The keys of BACKENDS whose package is installed, which does not prove that it works."""
    import importlib.util

    return tuple(name for name, (_, package) in BACKENDS.items() if importlib.util.find_spec(package))


def version(name: str) -> str | None:
    """The version of the installed package of `name`, a key of BACKENDS, or None."""
    try:
        return str(importlib.import_module(BACKENDS[name][1]).__version__)
    except (ImportError, AttributeError, SystemError):
        return None


def _broken(title: str, error: BaseException) -> str:
    if title.startswith("tflite-runtime") and int(np.__version__.split(".")[0]) >= 2:
        return f"{title} needs numpy below 2, found {np.__version__}; run: pip install 'numpy<2'"
    from fmnist_runtime.inference import installation

    found = " ".join(str(error).split("\n")[0].split())
    return f"{title} is installed but does not run ({type(error).__name__}: {found}); {installation.advice()}"
