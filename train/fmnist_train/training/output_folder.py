"""The output folder of a training: held by one process at a time, and rid of what a killed one left half-written."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from fmnist_runtime.system import locks

LOCK = ".fmnist-train.lock"
# What fmnist_runtime.system.atomic and keras_files call what they write, before it has its name: of our own files only.
_OURS = r"model\.keras|training\.json|checkpoint\.json|checkpoint-[0-9]{1,9}\.keras|[a-z0-9-]{1,40}\.png"
_LITTER = re.compile(rf"\.({_OURS})\.[A-Za-z0-9_]{{8}}(\.part|\.part\.keras)?")


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Work in `folder` alone; first, remove what a killed training left there under names of its own.

    Raises LockedError, which names the process, where another training works there.
    """
    with locks.locked(folder / LOCK, "fmnist-train"):
        for place in (folder, folder / "figures"):
            _clear(place)
        yield


def _clear(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        match = _LITTER.fullmatch(path.name)
        if not match or path.is_symlink():
            continue
        with contextlib.suppress(OSError):
            if path.is_file() and match[2]:
                path.unlink()
            elif path.is_dir() and not match[2] and {one.name for one in path.iterdir()} <= {match[1]}:
                # Where a file that was to be replaced was kept: a second name of it.
                shutil.rmtree(path)
