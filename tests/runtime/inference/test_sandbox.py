"""Models that crash an interpreter, take gigabytes or have unreadable names: the process that opens them survives."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from environments import environment, run_python
from helpers import ROOT
from tiny_model import TINY, plain

from fmnist_runtime import Classifier
from fmnist_runtime.errors import (
    DamagedModelError,
    IncompatibleModelError,
    RuntimeMissingError,
)
from fmnist_runtime.inference import sandbox
from fmnist_runtime.model import shipped

PROGRAM = ROOT / "tests" / "runtime" / "programs" / "damage.py"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tflite-runtime", "litert"])
def test_no_damaged_model_kills_the_process(backend: str) -> None:
    """A model of 2 KB, so that most of what is hit is structure. Run in a child, because a crash is what may happen."""
    python = environment("litert") if backend == "litert" else Path(sys.executable)
    result = run_python(python, PROGRAM, TINY, backend, 0, 100)
    assert result.returncode == 0, (result.returncode, result.stderr[-1000:])
    found = json.loads(result.stdout)
    assert found["refused"] > 50
    assert 0 < found["accepted"] < 40  # weights and what nobody reads
    assert sum(found.values()) == 100


@pytest.mark.slow
def test_a_model_that_crashes_an_interpreter_crashes_only_a_child_and_once(
    tiny: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut short, a model ends tflite-runtime 2.14 with SIGSEGV. Its structure shows it, so the trial is asked here."""
    shipped_model = plain(shipped.model_path("mlp"))
    # Which lengths crash depends on what lies behind the content in memory, so many are tried.
    cut = next(
        content
        for size in range(len(shipped_model) // 2, 1000, -500)
        if "signal" in refusal(content := shipped_model[:size])
    )
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert "signal" in refusal(cut)
    with pytest.raises(RuntimeMissingError, match="does not start here"):
        sandbox.check_model("tflite-runtime", tiny + b"another")


def refusal(content: bytes) -> str:
    try:
        sandbox.check_model("tflite-runtime", content)
    except (DamagedModelError, IncompatibleModelError) as error:
        return str(error)
    return ""


def test_only_plain_files_get_a_trial_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: bytes) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert Classifier(TINY).index(np.zeros((28, 28), np.uint8)) == 0
    (tmp_path / "plain.tflite").write_bytes(tiny + bytes(4))
    with pytest.raises(RuntimeMissingError, match="fmnist-export wrote"):
        Classifier(tmp_path / "plain.tflite")


NAMES = (b"serving_default_image:0", b"StatefulPartitionedCall_1:0", b"arith.constant", b"main", b"CONVERSION_METADATA")


SIGNATURE = (b"serving_default\0", b"output_0\0", b"image\0")


NOT_UTF_8 = """
import sys, numpy
from pathlib import Path
from fmnist_runtime import Classifier
from fmnist_runtime.errors import FmnistError
for path in sys.argv[2:]:
    try:
        print(Classifier(path, backend=sys.argv[1]).index(numpy.zeros((28, 28), numpy.uint8)))
    except FmnistError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.parametrize("backend", ["tflite-runtime", "litert"])
def test_names_that_are_not_utf_8_are_ignored_or_refused_in_one_line(backend: str, tmp_path: Path, tiny: bytes) -> None:
    """Names of tensors and of what annotates don't matter; the interpreters themselves refuse those of signatures."""
    paths = []
    for number, name in enumerate((*NAMES, *SIGNATURE)):
        assert name in tiny
        paths.append(tmp_path / f"{number}.tflite")
        paths[-1].write_bytes(tiny.replace(name, b"\xff" + name[1:]))
    python = environment("litert") if backend == "litert" else Path(sys.executable)
    result = run_python(python, "-c", NOT_UTF_8, backend, *paths)
    assert result.returncode == 0, result.stderr[-1000:]
    lines = result.stdout.splitlines()
    assert lines[: len(NAMES)] == ["0"] * len(NAMES)
    for line in lines[len(NAMES) :]:
        assert line.startswith("IncompatibleModelError")
        assert "codec can't decode byte 0xff" in line


TILED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import bombs
from fmnist_runtime import Classifier
from fmnist_runtime.errors import FmnistError
path = Path(sys.argv[3])
for times in (1, 200, 600, 30_000):
    path.write_bytes(bombs.tiled(times, times))
    try:
        Classifier(path, backend=sys.argv[2])
    except FmnistError as error:
        print(error)
# Of this process the peak of its own memory: ru_maxrss begins with that of the process that started it.
own = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1024)
"""


@pytest.mark.parametrize("backend", ["tflite-runtime", "litert"])
def test_a_model_that_needs_gigabytes_or_computes_another_shape_is_refused(backend: str, tmp_path: Path) -> None:
    """500 bytes: what the runtime computes is another shape than the file says, of 3 KB, 125 MB, 1.1 GB and 2.8 TB."""
    python = environment("litert") if backend == "litert" else Path(sys.executable)
    result = run_python(python, "-c", TILED, PROGRAM.parent, backend, tmp_path / "tiled.tflite")
    assert result.returncode == 0, result.stderr[-1000:]
    *lines, mebibytes = result.stdout.splitlines()
    assert len(lines) == 4
    assert "gives the model's tensor 2 784 numbers, its file says (10,)" in lines[0]
    assert "gives the model's tensor 2 31,360,000 numbers" in lines[1]
    for line in lines[2:]:
        assert "memory ran out" in line or "refuses the model" in line or "signal" in line
    assert int(mebibytes) < 1300
