"""A trial run of a model in a child process, which may crash in place of this one.

Both interpreters trust a flatbuffer. tflite-runtime 2.14 ends in a signal on some damaged models whose offsets and
sizes are all in bounds, which only a run shows. So a child process first builds and runs every model file that no
SHA-256 proves to be intact. The result is remembered as long as this process lives.

This module does not check what a model answers.
"""

import json
import sys
from pathlib import Path
from typing import Any

from fmnist_runtime.errors import (
    DamagedModelError,
    FmnistError,
    IncompatibleModelError,
    ModelFileError,
    RuntimeMissingError,
)
from fmnist_runtime.inference import interpreters
from fmnist_runtime.system import child
from fmnist_runtime.system.digests import sha256

# A Pi Zero 2 W takes some 3 s to import numpy and an interpreter.
_SECONDS = 60
# The memory that a model may take beyond the child's own 400 MB of addresses, and beyond some copies of its weights.
_MEMORY = 2**30
_COPIES = 4

_ERRORS: dict[str, type[FmnistError]] = {
    kind.__name__: kind for kind in (DamagedModelError, ModelFileError, RuntimeMissingError, IncompatibleModelError)
}
# By backend and digest: the error's class and message, or None where the model ran.
_remembered: dict[tuple[str, str], tuple[str, str] | None] = {}


def check_model(backend: str, flatbuffer: bytes) -> None:
    """Build and run `flatbuffer` on `backend` in a child process, unless this process has done so before.

    Raises what the child raised, DamagedModelError where it crashed or hung, RuntimeMissingError where none starts.
    """
    key = backend, sha256(flatbuffer)
    if key not in _remembered:
        _remembered[key] = _run(backend, flatbuffer)
    refusal = _remembered[key]
    if refusal:
        raise _ERRORS[refusal[0]](refusal[1])


def _run(backend: str, flatbuffer: bytes) -> tuple[str, str] | None:
    # The model goes through a pipe, so nothing can change it between trial and use.
    try:
        result = child.call(__name__, "main", backend, stdin=flatbuffer, seconds=_SECONDS)
    except TimeoutError as error:
        return "DamagedModelError", f"damaged: a trial run on {backend} {error}; copy or export the file again"
    except OSError as error:
        raise RuntimeMissingError(
            f"a model that fmnist-export did not write needs a trial run in a child process, which does not start here "
            f"({error.strerror or error}); use a file that fmnist-export wrote"
        ) from error
    if result.code < 0:
        return "DamagedModelError", (
            f"damaged: a trial run on {backend} ended with signal {-result.code}; copy or export the file again"
        )
    try:
        answer: Any = json.loads(result.output.splitlines()[-1])
        return None if answer is None else (str(answer[0]), str(answer[1]))
    except (ValueError, IndexError):
        return "RuntimeMissingError", f"a trial run on {backend} failed: {result.last_error_line}; run: fmnist-doctor"


def main(backend: str) -> None:
    """The child: build and run the model on standard input, print null or the error's class and message as JSON."""
    flatbuffer = sys.stdin.buffer.read()
    _limit(_MEMORY + _COPIES * len(flatbuffer))
    answer = None
    try:
        interpreters.build(backend, flatbuffer)
    except tuple(_ERRORS.values()) as error:
        answer = type(error).__name__, str(error)
    except MemoryError:
        answer = "DamagedModelError", f"damaged: a trial run on {backend} ran out of memory; copy the file again"
    print(json.dumps(answer), flush=True)


def _limit(memory: int) -> None:
    """Write no core file for an expected crash; take at most `memory` bytes beyond what the process has."""
    import resource

    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        pages = 0
    most = pages * resource.getpagesize() + memory
    for kind, limit in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, most)):
        hard = resource.getrlimit(kind)[1]
        if sys.maxsize > 2**32 or kind == resource.RLIMIT_CORE:
            resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
