"""Python environments with a target's interpreter: the one that runs the export, or a separate one in the cache.

A target is proved only by its own release. Where this environment has another release, pip installs the right one into
a separate environment, once. It is in $XDG_CACHE_HOME/fmnist-edge/targets (~/.cache by default) and can be deleted at
any time. One process at a time makes it, under a temporary name, and renames it when it is complete.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import fmnist_runtime
from fmnist_export.prove.targets import Target
from fmnist_runtime.errors import ExportError
from fmnist_runtime.system import processes
from fmnist_runtime.system.atomic import make_folder
from fmnist_runtime.system.locks import hold_lock

PACKAGES = {"tflite-runtime": "tflite-runtime", "litert": "ai-edge-litert"}

# The packages that a proof needs beside numpy and the interpreter; not Pillow, as it reads no image files.
_NEEDS = ("click",)
_OLDEST_PYTHON = (3, 10)
_PIP_SECONDS = 300
_DONE = ".complete"
# An incomplete environment has this ending, and the marker file from the start.
_PARTIAL = ".part"
_MARK = ".fmnist-export"


class UnavailableTargetError(ExportError):
    """The target's interpreter cannot be installed here; the message gives the reason."""


@dataclass(frozen=True)
class Environment:
    """A Python with the interpreter of a target; `path` is a folder from which it imports fmnist_runtime, or None."""

    target: Target
    python: Path
    path: Path | None

    def variables(self) -> dict[str, str]:
        """The environment variables for a process of this Python."""
        return {**os.environ, **({"PYTHONPATH": str(self.path)} if self.path else {})}


@dataclass(frozen=True)
class MissingProof:
    """A target on which a file was not run, and the reason."""

    target: str
    reason: str


@dataclass(frozen=True)
class Environments:
    """The environments of the available targets, and the targets without one, each with the reason."""

    available: tuple[Environment, ...]
    missing: tuple[MissingProof, ...]


def install_all(targets: Sequence[Target], say: Callable[[str], None]) -> Environments:
    """Install the environment of each of `targets` where it is possible."""
    available, missing = [], []
    for target in targets:
        try:
            available.append(install(target, say))
        except UnavailableTargetError as error:
            missing.append(MissingProof(target.name, str(error)))
    return Environments(tuple(available), tuple(missing))


def install(target: Target, say: Callable[[str], None]) -> Environment:
    """The environment of `target`, installed first where there is none yet.

    Raises UnavailableTargetError, with the reason, where it cannot be installed here.
    """
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
    """The folder of the environments that were installed for targets."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fmnist-edge" / "targets"


def _make(target: Target, folder: Path, say: Callable[[str], None]) -> None:
    python = _python(target)
    make_folder(folder.parent)
    lock = folder.with_name(f".{folder.name}.lock")
    with hold_lock(lock, f"fmnist-export, which makes {folder.name}", wait=True, say=say):
        # Another process may have completed it while this one waited.
        if (folder / _DONE).exists():
            return
        say(f"making an environment for {target.name} in {folder} (once)")
        _clear(folder)
        _fill(target, python, folder)


def _fill(target: Target, python: str, folder: Path) -> None:
    """Make the environment under a temporary name, and rename it to `folder` when it is complete.

    Its scripts contain the temporary path, but nothing here runs them: `bin/python` finds its modules by its own
    location (PEP 405).
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
    """Remove what killed processes left behind: incomplete environments, also at `folder`, as of older releases.

    Raises ExportError where something else is at `folder`. The caller holds the lock, so no other process makes it.
    """
    for path in folder.parent.glob(f".{folder.name}.*{_PARTIAL}"):
        if _is_ours(path, _MARK):
            shutil.rmtree(path, ignore_errors=True)
    if not os.path.lexists(folder):
        return
    if not _is_ours(folder, "pyvenv.cfg"):
        raise ExportError(
            f"{folder}: not an environment that fmnist-export made, expected one or nothing there; move it away"
        )
    shutil.rmtree(folder)


def _is_ours(folder: Path, mark: str) -> bool:
    """Whether `folder` is a folder, not a link, that is empty or holds the file `mark`."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return (folder / mark).is_file() or not any(folder.iterdir())


def _python(target: Target) -> str:
    """A CPython on this machine for which the target has a wheel: this one, else one on the PATH."""
    usable = [version for version in target.pythons if tuple(map(int, version.split("."))) >= _OLDEST_PYTHON]
    if not usable:
        raise UnavailableTargetError(f"it has no wheel for Python 3.10 or later (only for {', '.join(target.pythons)})")
    if f"{sys.version_info[0]}.{sys.version_info[1]}" in usable:
        return sys.executable
    for version in usable:
        found = shutil.which(f"python{version}")
        # A pyenv shim is on the PATH even where its version is not activated, and then fails.
        if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
            return found
    raise UnavailableTargetError(f"it needs Python {' or '.join(usable)}, which is not on the PATH")


def _run(target: Target, command: list[str]) -> None:
    try:
        result = processes.run(command, seconds=_PIP_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UnavailableTargetError(f"it could not be installed within {_PIP_SECONDS} s") from error
    if result.returncode != 0:
        lines = (result.stderr.strip() or result.stdout.strip() or "no reason given").splitlines()
        raise UnavailableTargetError(
            f"it could not be installed ({lines[-1].strip()}); run: pip install {target.requirements[0]}"
        )


def _link(link: Path, goal: Path) -> None:
    """Make `link` point to `goal`, atomically."""
    if link.is_symlink() and link.readlink() == goal:
        return
    link.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=link.parent) as folder:
        temporary = Path(folder, link.name)
        temporary.symlink_to(goal)
        temporary.replace(link)
