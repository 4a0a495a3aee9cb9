"""Where a target's interpreter is: in the environment that runs the export, or in one of its own in the cache.

A target is proved by its own release and no other, so an environment is made for it once, with pip, where this one
holds another release. It lies in $XDG_CACHE_HOME/fmnist-edge/targets (~/.cache by default); delete it at will.
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
from fmnist_export.targets import Target
from fmnist_runtime.errors import ExportError
from fmnist_runtime.files import make_folder

PACKAGES = {"tflite-runtime": "tflite-runtime", "litert": "ai-edge-litert"}

# What a proof needs beside numpy and the interpreter: no Pillow, for it reads no picture files.
_NEEDS = ("click",)
_OLDEST_PYTHON = (3, 10)
_PIP_SECONDS = 300
_DONE = ".complete"


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
    say(f"making an environment for {target.name} in {folder} (once)")
    make_folder(folder.parent)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _run(target, [python, "-m", "venv", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _run(target, [*pip, *target.requirements, *_NEEDS])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / _DONE).write_text("\n".join(target.requirements) + "\n")


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
        result = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)
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
