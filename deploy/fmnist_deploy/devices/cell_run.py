"""The run of one cell: every command of a device on every model, and the raw outputs for the comparison."""

import json
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_deploy.devices.cells import Cell
from fmnist_deploy.devices.compare import Outputs
from fmnist_deploy.devices.installation import Installation
from fmnist_runtime.model import golden

# An emulated Cortex-A7 beside other work takes more than 300 s for 10,000 images of the slowest shipped model.
_SECONDS = 1200

# Memory is VmHWM, which starts at 0 with each program, unlike ru_maxrss. Under emulation it includes the emulator.
_START = """
import json, time
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
bare, started = peak(), time.perf_counter()
from fmnist_runtime import Classifier
classifier = Classifier()
seconds = time.perf_counter() - started
import numpy
classifier.index(numpy.zeros((28, 28), "uint8"))
print(json.dumps({"import_seconds": seconds, "peak_kib": peak(), "bare_python_kib": bare}))
"""


@dataclass(frozen=True)
class Model:
    """A model file with its golden file; `name` is its name in the report.

    `convolves_in_integers`: whether it has convolutions in int8, which kernels round differently.
    """

    name: str
    path: Path
    golden: Path
    convolves_in_integers: bool = False

    def keras(self, images: int) -> NDArray[np.uint16]:
        """The answers of Keras, class numbers, to the first `images` test images."""
        return golden.read(self.golden).test_expected[:images]


@dataclass
class CellResult:
    """The result of a cell.

    `problems` are sentences; `outputs` are by the model's name; `illegal` are the commands that ended with SIGILL.
    """

    cell: Cell
    not_run: str | None = None
    runtime: str | None = None
    doctor: dict[str, Any] | None = None
    verify: dict[str, dict[str, Any]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    start: dict[str, float] | None = None
    outputs: dict[str, Outputs] = field(default_factory=dict)
    illegal: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def run_cell(
    cell: Cell, installed: Installation, models: list[Model], images: Path, pictures: list[Path]
) -> CellResult:
    """Run the commands in `cell` on `models` and `pictures`, and the outputs for `images`, a .npy of uint8."""
    found = CellResult(cell)
    doctor = _json(found, installed, installed.command("fmnist-doctor", "--json"), "fmnist-doctor")
    if doctor is not None:
        found.doctor = doctor
        found.runtime = doctor["uses"]
    for model in models:
        words = installed.command("fmnist-verify", model.path, "--golden", model.golden, "--json")
        result = _json(found, installed, words, f"fmnist-verify {model.name}")
        if result is not None:
            found.verify[model.name] = result
    text = _run(found, installed, installed.command("fmnist-classify", *pictures, "--json"), "fmnist-classify")
    for line in (text or "").splitlines():
        answer = json.loads(line)
        found.labels[Path(answer["source"]).name] = answer["label"]
    start = _json(found, installed, installed.program("-c", _START), "the start")
    found.start = start
    with tempfile.TemporaryDirectory(prefix="fmnist-devices-") as folder:
        for model in models:
            goal = Path(folder, f"{model.name}.npy")
            words = installed.program("-m", "fmnist_runtime.answers", model.path, images, goal)
            if _run(found, installed, words, f"the outputs of {model.name}") is not None:
                found.outputs[model.name] = np.load(goal)
    return found


def _json(result: CellResult, installed: Installation, words: list[str], what: str) -> Any:
    text = _run(result, installed, words, what)
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        result.problems.append(f"{what} printed no JSON: {text[:100]!r}" if text else f"{what} printed nothing")
        return None


def _run(result: CellResult, installed: Installation, words: list[str], what: str) -> str | None:
    """The output of a command; None, and a problem in `result`, where it failed."""
    try:
        ended = subprocess.run(
            words, env=installed.variables, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        result.problems.append(f"{what} did not end within {_SECONDS} s")
        return None
    # A shell would give 128 + signal; an emulator ends with the guest's signal.
    if -ended.returncode == signal.SIGILL or "SIGILL" in ended.stdout:
        result.illegal.append(what)
    if ended.returncode != 0:
        lines = ended.stderr.strip().splitlines()
        result.problems.append(f"{what} ended with {ended.returncode}: {lines[-1] if lines else ended.stdout[-200:]}")
        return None
    return ended.stdout
