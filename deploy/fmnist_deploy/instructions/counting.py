"""The number of instructions of one inference on an ARM processor, inside the libraries of the runtime.

A plugin (counting.c) in bookworm's qemu-user 7.2 counts how often each translated block runs. To leave out start-up, N
and 2N inferences are counted, and the difference is N inferences. Only blocks inside the runtime's libraries count:
that number repeats far better than that of the whole process, of which Python's hashing and allocation are the larger
part.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fmnist_deploy.devices import installation, userland
from fmnist_deploy.devices.cells import Cell, Userland
from fmnist_deploy.devices.installation import Installation
from fmnist_deploy.devices.userland import UnavailableError
from fmnist_runtime.system.digests import sha256

SOURCE = Path(__file__).with_name("counting.c")
_EMULATOR_SUITE = "bookworm"
_SECONDS = 300
_DONE = ".complete"
_PACKAGES = ("/tflite_runtime/", "/ai_edge_litert/")
_PROGRAM = """
import json, sys, numpy
from fmnist_runtime import Classifier
model, image, calls, maps = sys.argv[1:]
classifier, pixels = Classifier(model), numpy.load(image)
for _ in range(int(calls)):
    classifier.index(pixels)
open(maps, "w").write(open("/proc/self/maps").read())
print(json.dumps(str(classifier.runtime)))
"""


@dataclass(frozen=True)
class InstructionCount:
    """Instructions of one inference in the runtime's libraries, on the processor of `cell`, through `runtime`."""

    cell: str
    boards: str
    runtime: str
    model: str
    instructions: float


def count_instructions(
    cell: Cell, wheel: Path, models: Iterable[Path], image: Path, calls: int
) -> list[InstructionCount]:
    """An InstructionCount for each of `models` in `cell`, an emulated one; `image` is a .npy of (28, 28) uint8.

    Raises UnavailableError where emulator, compiler or userland is unavailable here, or the emulator dies.
    """
    if cell.userland is None:
        raise UnavailableError("only an emulated cell is counted")
    installed = installation.install(cell, wheel)
    root = _root(cell.userland, cell.cpu, installed)
    found = []
    for model in models:
        runtime, once = _run(cell, installed, root, model, image, calls)
        _, twice = _run(cell, installed, root, model, image, 2 * calls)
        found.append(InstructionCount(cell.name, cell.boards, runtime, model.stem, (twice - once) / calls))
    return found


def instructions_inside(blocks: Iterable[str], maps: Iterable[str]) -> int:
    """The instructions that ran in the runtime's libraries, from the lines of the plugin and of /proc/self/maps."""
    ranges = []
    for line in maps:
        if any(package in line for package in _PACKAGES):
            start, _, end = line.split()[0].partition("-")
            ranges.append((int(start, 16), int(end, 16)))
    total = 0
    for line in blocks:
        address, instructions, runs = line.split()
        if any(start <= int(address, 16) < end for start, end in ranges):
            total += int(instructions) * int(runs)
    return total


def _run(cell: Cell, installed: Installation, root: Path, model: Path, image: Path, calls: int) -> tuple[str, int]:
    assert cell.userland is not None
    python = root / Path(installed.python).relative_to(userland.prefix(cell.userland))
    with tempfile.TemporaryDirectory(prefix="fmnist-count-") as folder:
        blocks, maps = Path(folder, "blocks"), Path(folder, "maps")
        words = [*_emulator(cell.userland.emulator), "-cpu", cell.cpu, "-L", root]
        words += ["-plugin", f"{_plugin()},out={blocks}", python, "-c", _PROGRAM, model, image, str(calls), maps]
        variables = {**installed.variables, "PYTHONHASHSEED": "0"}
        ended = subprocess.run(
            list(map(str, words)), env=variables, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        if ended.returncode != 0:
            raise UnavailableError(f"{model.name} ended with {ended.returncode}: {ended.stderr.strip()[-200:]}")
        return json.loads(ended.stdout), instructions_inside(
            blocks.read_text().splitlines(), maps.read_text().splitlines()
        )


def _emulator(name: str) -> list[str]:
    """The words that start bookworm's dynamic program `name` with its own libraries."""
    folder = userland.cache() / f"counter-{_EMULATOR_SUITE}-1"
    if not (folder / _DONE).exists():
        userland.fill(folder, _EMULATOR_SUITE, "amd64", ["install", "--download-only", "-y", "qemu-user"])
        (folder / _DONE).touch()
    libraries = folder / "usr/lib/x86_64-linux-gnu"
    loader = folder / "lib64/ld-linux-x86-64.so.2"
    return [str(loader), "--library-path", str(libraries), str(folder / "usr/bin" / name)]


def _plugin() -> Path:
    """Compile the plugin at the first call; its path. Raises UnavailableError where there is no C compiler."""
    goal = userland.cache() / f"counting-{sha256(SOURCE.read_bytes())[:12]}.so"
    if not goal.exists():
        compiler = shutil.which("gcc") or shutil.which("cc")
        if not compiler:
            raise UnavailableError("there is no C compiler here; run: sudo apt install gcc libc6-dev")
        partial = goal.with_suffix(f".{os.getpid()}")
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", partial, SOURCE], check=True, timeout=60)
        partial.replace(goal)
    return goal


def _root(original: Userland, cpu: str, installed: Installation) -> Path:
    """A copy of the userland, of hard links, with a /proc/cpuinfo of its own.

    qemu 7.2 shows that of the host, under which LiteRT dies; qemu 10 generates one for `cpu`, which is copied here. The
    runtimes choose kernels by it, so each processor has its own copy.
    """
    source = userland.prefix(original)
    goal = source.with_name(f"counting-{source.name}-{cpu}")
    if not (goal / "proc/cpuinfo").exists():
        text = subprocess.check_output(
            installed.program("-c", "print(open('/proc/cpuinfo').read(), end='')"), env=installed.variables
        )
        shutil.rmtree(goal, ignore_errors=True)
        shutil.copytree(source, goal, symlinks=True, copy_function=os.link)
        (goal / "proc").mkdir(exist_ok=True)
        (goal / "proc/cpuinfo").write_bytes(text)
    return goal
