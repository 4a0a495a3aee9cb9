"""Where a target's interpreter is: in the environment that runs the export, or in one of its own in the cache.

A target is proved by its own release and no other, so an environment is made for it once, with pip, where this one
holds another release. It lies in $XDG_CACHE_HOME/fmnist-edge/targets (~/.cache by default); delete it at will. It is
made under another name, by one process at a time, and renamed when it is whole.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fmnist_runtime
from fmnist_export.prove.targets import Target
from fmnist_runtime.errors import ExportError
from fmnist_runtime.system import processes
from fmnist_runtime.system.atomic import make_folder
from fmnist_runtime.system.locks import locked

PACKAGES = {"tflite-runtime": "tflite-runtime", "litert": "ai-edge-litert"}

# What a proof needs beside numpy and the interpreter: no Pillow, for it reads no picture files.
_NEEDS = ("click",)
_OLDEST_PYTHON = (3, 10)
_PIP_SECONDS = 300
_DONE = ".complete"
# What is being made is named so, and bears the mark from the start.
_PARTIAL = ".part"
_MARK = ".fmnist-export"


class NotProvable(ExportError):  # noqa: N818  # a finding that is reported, not a fault
    """The target's interpreter is not here and cannot be installed here; the message says why."""


@dataclass(frozen=True)
class Environment:
    """A Python that has the interpreter of a target; `path` is put in front of its modules, for fmnist_runtime."""

    target: Target
    python: Path
    path: Path | None

    def variables(self) -> dict[str, str]:
        """The environment variables for a child of it."""
        return {**os.environ, **({"PYTHONPATH": str(self.path)} if self.path else {})}


def find(target: Target, say: Callable[[str], None]) -> Environment:
    """The environment of `target`, made where there is none yet. Raises NotProvable with the reason where it can't."""
    package = PACKAGES[target.runtime]
    try:
        if target.is_version(importlib.metadata.version(package)):
            return Environment(target, Path(sys.executable), None)
    except importlib.metadata.PackageNotFoundError:
        pass
    folder = cache() / target.name
    if not (folder / _DONE).exists():
        _make(target, folder, say)
    modules = folder / "modules"
    _link(modules / "fmnist_runtime", Path(fmnist_runtime.__file__).parent)
    return Environment(target, folder / "bin" / "python", modules)


def cache() -> Path:
    """The folder of the environments that were made for targets."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fmnist-edge" / "targets"


def _make(target: Target, folder: Path, say: Callable[[str], None]) -> None:
    python = _python(target)
    make_folder(folder.parent)
    lock = folder.with_name(f".{folder.name}.lock")
    with locked(lock, f"fmnist-export, which makes {folder.name}", wait=True, say=say):
        # Another process may have made it while this one waited.
        if (folder / _DONE).exists():
            return
        say(f"making an environment for {target.name} in {folder} (once)")
        _clear(folder)
        _fill(target, python, folder)


def _fill(target: Target, python: str, folder: Path) -> None:
    """Make the environment beside `folder`, and give it that name when it is whole.

    Its scripts name the place where it was made, and nothing here runs them: `bin/python` finds its modules by where it
    is (PEP 405).
    """
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=_PARTIAL, dir=folder.parent))
    try:
        (partial / _MARK).touch()
        _run(target, [python, "-m", "venv", str(partial)])
        pip = [str(partial / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _run(target, [*pip, *target.requirements, *_NEEDS])
        (partial / _DONE).write_text("\n".join(target.requirements) + "\n")
        partial.chmod(0o755)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _clear(folder: Path) -> None:
    """Remove what killed processes left of `folder`: beside it, and in its place, where older releases made it.

    Raises ExportError where something else is in its place. Nobody makes it meanwhile: the lock is held.
    """
    for path in folder.parent.glob(f".{folder.name}.*{_PARTIAL}"):
        if _is_ours(path, _MARK):
            shutil.rmtree(path, ignore_errors=True)
    if not os.path.lexists(folder):
        return
    if not _is_ours(folder, "pyvenv.cfg"):
        raise ExportError(
            f"{folder}: is in the place of an environment, and fmnist-export did not make it; move it away"
        )
    shutil.rmtree(folder)


def _is_ours(folder: Path, mark: str) -> bool:
    """Whether `folder` is a folder, no link, that holds the file `mark` or nothing yet."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return (folder / mark).is_file() or not any(folder.iterdir())


def _python(target: Target) -> str:
    """A CPython here that the target has a wheel for: this one, else by name."""
    usable = [version for version in target.pythons if tuple(map(int, version.split("."))) >= _OLDEST_PYTHON]
    if not usable:
        raise NotProvable(f"it has no wheel for Python 3.10 or later (only for {', '.join(target.pythons)})")
    if f"{sys.version_info[0]}.{sys.version_info[1]}" in usable:
        return sys.executable
    for version in usable:
        found = shutil.which(f"python{version}")
        # A pyenv shim is found and fails unless that version is switched on.
        if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
            return found
    raise NotProvable(f"it needs Python {' or '.join(usable)}, and none is on the PATH")


def _run(target: Target, command: list[str]) -> None:
    try:
        result = processes.run(command, seconds=_PIP_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise NotProvable(f"it could not be installed within {_PIP_SECONDS} s") from error
    if result.returncode != 0:
        lines = (result.stderr.strip() or result.stdout.strip() or "no reason given").splitlines()
        raise NotProvable(f"it could not be installed ({lines[-1].strip()}); run: pip install {target.requirements[0]}")


def _link(link: Path, goal: Path) -> None:
    """Make `link` point to `goal`, whole for every process that looks."""
    if link.is_symlink() and link.readlink() == goal:
        return
    link.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=link.parent) as folder:
        temporary = Path(folder, link.name)
        temporary.symlink_to(goal)
        temporary.replace(link)
