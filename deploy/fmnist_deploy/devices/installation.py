"""The installation of a cell: the wheels of fmnist-edge and of its requirements, unpacked for the cell's Python."""

import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from fmnist_deploy import wheels
from fmnist_deploy.boards import Board
from fmnist_deploy.devices import userland
from fmnist_deploy.devices.cells import Cell
from fmnist_deploy.devices.userland import UnavailableError
from fmnist_deploy.target.formats import wheel as wheel_format
from fmnist_runtime.commandline import warn
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system.atomic import make_folder
from fmnist_runtime.system.child import LAUNCHER
from fmnist_runtime.system.digests import sha256
from fmnist_runtime.system.locks import hold_lock

_DONE = ".complete"


@dataclass(frozen=True)
class Installation:
    """How a cell runs Python and the commands: `launcher` is the emulator with its options, empty on the host."""

    launcher: tuple[str, ...]
    python: str
    site: Path
    commands: Path
    variables: dict[str, str]

    def command(self, name: str, *arguments: object) -> list[str]:
        """The words that run the installed command `name`."""
        return self.program(self.commands / name, *arguments)

    def program(self, *words: object) -> list[str]:
        """The words that run the cell's Python with `words`."""
        return [*self.launcher, self.python, *map(str, words)]


def install(cell: Cell, wheel: Path) -> Installation:
    """Install the requirements of `cell`, and fmnist-edge from `wheel`; waits while another process does the same.

    Raises UnavailableError where something cannot be fetched.
    """
    make_folder(userland.cache())
    with hold_lock(userland.cache() / ".lock", f"the installation for {cell.name}", wait=True, say=warn):
        return _install(cell, wheel)


def host_python(version: tuple[int, int]) -> str:
    """A CPython `version` of this machine that starts. Raises UnavailableError."""
    name = f"python{version[0]}.{version[1]}"
    found = shutil.which(name)
    candidates = [found] if found else []
    # A shim of pyenv fails unless that version is switched on.
    candidates += map(str, sorted(Path.home().glob(f".pyenv/versions/{version[0]}.{version[1]}.*/bin/python")))
    if sys.version_info[:2] == version:
        candidates.insert(0, sys.executable)
    for candidate in candidates:
        shown = subprocess.run([candidate, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True)
        if shown.stdout.decode().strip() == str(version):
            return candidate
    raise UnavailableError(f"no {name} on this machine")


def _install(cell: Cell, wheel: Path) -> Installation:
    launcher: tuple[str, ...] = ()
    if cell.userland:
        program = userland.emulator(cell.userland.emulator)
        if cell.cpu not in userland.processors(program):
            raise UnavailableError(f"{program.name} has no -cpu {cell.cpu}")
        root = userland.make(cell.userland)
        launcher = (str(program), "-cpu", cell.cpu, "-L", str(root))
        python = str(root / "usr/bin" / f"python{cell.board.python[0]}.{cell.board.python[1]}")
    else:
        python = host_python(cell.board.python)
    needs, own = _install_requirements(cell.board), _install_wheel(wheel)
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FMNIST_", "LD_"))},
        "PYTHONPATH": os.pathsep.join((str(own / "site"), str(needs))),
        "PYTHONNOUSERSITE": "1",
        "LC_ALL": "C.UTF-8",
    }
    if launcher:
        variables[LAUNCHER] = shlex.join(launcher)
    return Installation(launcher, python, own / "site", own / "bin", variables)


def _install_requirements(board: Board) -> Path:
    """The folder of the modules that `board` needs beside fmnist-edge, downloaded at the first call."""
    key = sha256(repr((board.requirements, board.pip_tags)).encode())[:12]
    goal = userland.cache() / f"modules-{board.machine}-{key}"
    if not (goal / _DONE).exists():
        partial = goal.with_name(f"{goal.name}.partial-{os.getpid()}")
        try:
            (partial / "wheels").mkdir(parents=True)
            for path in wheels.download(board, partial / "wheels"):
                _unpack(path, partial / "site")
            (partial / "site" / _DONE).touch()
            shutil.rmtree(goal, ignore_errors=True)
            (partial / "site").replace(goal)
        except FmnistError as error:
            raise UnavailableError(str(error)) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return goal


def _install_wheel(wheel: Path) -> Path:
    """The folder with fmnist-edge from `wheel`, with site and bin; one for each content of the wheel."""
    goal = userland.cache() / f"fmnist-edge-{sha256(wheel.read_bytes())[:12]}"
    if not (goal / _DONE).exists():
        shutil.rmtree(goal, ignore_errors=True)
        _unpack(wheel, goal / "site")
        (goal / "bin").mkdir()
        with zipfile.ZipFile(wheel) as archive:
            for name, (module, function) in wheel_format.commands(archive).items():
                (goal / "bin" / name).write_text(wheel_format.script("python3", module, function))
        (goal / _DONE).touch()
    return goal


def _unpack(wheel: Path, site: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        wheel_format.unpack(archive, site)
