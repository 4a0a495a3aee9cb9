"""Expensive folders that tests share, made once and kept in build/, also when several lanes ask for one at a time."""

import fcntl
import hashlib
import shutil
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

from helpers import ROOT

# What decides how a model comes out, beside our own sources.
_DISTRIBUTIONS = ("tensorflow", "keras", "numpy", "tflite-runtime", "ai-edge-litert")


def make_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder`, filled by `make` where that was not done before: by one process at a time, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    complete = folder.with_name(f"{folder.name}.complete")
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (complete.exists() and folder.exists()):
            complete.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            complete.touch()
    return folder


def digest_name(title: str, *sources: str | Path) -> str:
    """`title` with a digest of `sources`, texts or files and folders of the project: a change of one makes a new name.

    The Python and the releases of the libraries that make a model are in the digest too.
    """
    digest = hashlib.sha256(sys.version.encode())
    for part in (*_releases(), *sources):
        digest.update(part.encode() if isinstance(part, str) else b"".join(_content(part)))
    return f"{title}-{digest.hexdigest()[:12]}"


def _releases() -> Iterable[str]:
    for distribution in _DISTRIBUTIONS:
        try:
            yield f"{distribution} {metadata.version(distribution)}\n"
        except metadata.PackageNotFoundError:
            yield f"no {distribution}\n"


def _content(path: Path) -> Iterable[bytes]:
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    for file in files:
        if "__pycache__" not in file.parts:
            yield f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes()
