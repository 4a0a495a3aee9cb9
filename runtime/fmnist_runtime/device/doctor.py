"""Check that inference works on this machine: each interpreter runs a tiny model, and its answer is compared.

Each interpreter runs in a child process, because a broken installation may end in a signal (an illegal instruction on
armv6). An import that succeeds proves nothing. This module repairs nothing: it names the command that does.
"""

import json
import platform
import signal
from dataclasses import asdict, dataclass
from typing import Any

import fmnist_runtime
from fmnist_runtime.device import board
from fmnist_runtime.device.board import Board
from fmnist_runtime.errors import FmnistError, RuntimeMissingError
from fmnist_runtime.inference import installation
from fmnist_runtime.model.shipped import MODELS_FOLDER
from fmnist_runtime.system import child

# Made by scripts/doctor_model.py: averages of the four quarters, then softmax(4 * average[k % 4] / (1 + k // 4)).
MODEL = MODELS_FOLDER / "doctor.tflite"
_QUARTERS = (0, 102, 204, 0)  # of 255: the average brightness 0, 0.4, 0.8, 0
_EXPECTED = (0.0231, 0.1142, 0.5657, 0.0231, 0.0231, 0.0513, 0.1142, 0.0231, 0.0231, 0.0393)
_TOLERANCE = 0.0005
_SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """One interpreter: a key of interpreters.BACKENDS, its version if installed, and its problem, if any.

    `backend` is "any" where numpy is missing, which every interpreter needs. `problem` is one sentence, with the
    command that solves it where there is one.
    """

    backend: str
    version: str | None
    problem: str | None

    @property
    def works(self) -> bool:
        """Whether its answer on the tiny model is right."""
        return self.problem is None


@dataclass(frozen=True)
class Report:
    """The machine, the result of each interpreter, and what to do, one sentence each."""

    version: str
    python: str
    numpy: str | None
    board: Board
    findings: tuple[Finding, ...]
    to_do: tuple[str, ...]

    @property
    def works(self) -> bool:
        """Whether at least one interpreter gives the right answer."""
        return any(finding.works for finding in self.findings)

    @property
    def uses(self) -> Finding | None:
        """The interpreter that backend="auto" takes."""
        return next((finding for finding in self.findings if finding.works), None)

    def as_json(self) -> dict[str, Any]:
        """The report as the JSON document of fmnist-doctor."""
        uses = self.uses
        return {
            "works": self.works,
            "uses": f"{uses.backend} {uses.version}" if uses else None,
            "fmnist_edge": self.version,
            "python": self.python,
            "numpy": self.numpy,
            "board": asdict(self.board),
            "runtimes": [{**asdict(finding), "works": finding.works} for finding in self.findings],
            "to_do": list(self.to_do),
        }


def examine() -> Report:
    """Try every interpreter and describe the machine."""
    found = board.read()
    numpy = _numpy_version()
    if numpy is None:
        numpy_missing = f"numpy is not installed; {installation.advice()}"
        findings: tuple[Finding, ...] = (Finding("any", None, numpy_missing),)
    else:
        from fmnist_runtime.inference import interpreters

        findings = tuple(_try(backend) for backend in interpreters.BACKENDS)
    to_do = tuple(board.advice(found))
    if not any(finding.works for finding in findings):
        to_do = (_most_telling(findings), *to_do)
    return Report(fmnist_runtime.__version__, platform.python_version(), numpy, found, findings, to_do)


def probe(backend: str) -> None:
    """The child: run the tiny model on `backend`, print a finding's version and problem as JSON."""
    version = None
    try:
        from fmnist_runtime.inference import interpreters

        version = interpreters.version(backend)
        problem = _problem(backend)
    except FmnistError as error:
        problem = str(error)
    print(json.dumps([version, problem]), flush=True)


def _problem(backend: str) -> str | None:
    import numpy as np

    from fmnist_runtime.classifier import Classifier

    image = np.array(_QUARTERS, np.uint8).reshape(2, 2).repeat(14, axis=0).repeat(14, axis=1)
    with Classifier(MODEL, backend=backend) as classifier:
        found = classifier.probabilities(image)
        if np.abs(found - np.array(_EXPECTED)).max() > _TOLERANCE or classifier.index(image) != 2:
            return (
                f"{classifier.runtime} gives wrong answers: {np.round(found, 4).tolist()}, expected {list(_EXPECTED)}; "
                f"{installation.advice()}"
            )
    return None


def _try(backend: str) -> Finding:
    try:
        result = child.call(__name__, "probe", backend, seconds=_SECONDS)
    except TimeoutError as error:
        return Finding(backend, None, f"{backend} {error}; {installation.advice()}")
    except OSError as error:
        return Finding(backend, None, f"no child process starts here ({error.strerror or error}), so it was not tested")
    if result.code < 0:
        name = signal.Signals(-result.code).name
        return Finding(backend, None, f"{backend} ends with {name} on this machine; {installation.advice()}")
    try:
        version, problem = json.loads(result.output.splitlines()[-1])
        return Finding(backend, version, problem)
    except (ValueError, IndexError):
        return Finding(backend, None, f"{backend} failed ({result.last_error_line}); {installation.advice()}")


def _most_telling(findings: tuple[Finding, ...]) -> str:
    """The problem of an interpreter that is installed, else that none is."""
    for finding in findings:
        if finding.problem and "is not installed" not in finding.problem:
            return finding.problem
    if len(findings) == 1 and findings[0].problem:
        return findings[0].problem
    return str(RuntimeMissingError(f"no TFLite interpreter is installed; {installation.advice()}"))


def _numpy_version() -> str | None:
    try:
        import numpy
    except ImportError:
        return None
    return str(numpy.__version__)
