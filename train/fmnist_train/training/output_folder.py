"""The output folder of a training: locked by one process at a time, cleared of half-written files of a killed one."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from fmnist_runtime.system import locks

LOCK = ".fmnist-train.lock"
# The temporary names that fmnist_runtime.system.atomic and keras_files give to files of fmnist-train.
_OURS = r"model\.keras|training\.json|checkpoint\.json|checkpoint-[0-9]{1,9}\.keras|[a-z0-9-]{1,40}\.png"
_LITTER = re.compile(rf"\.({_OURS})\.[A-Za-z0-9_]{{8}}(\.part|\.part\.keras)?")


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Lock `folder` for this process, and remove the temporary files that a killed training left there.

    Raises LockedError, which names the process, where another training has it.
    """
    with locks.hold_lock(folder / LOCK, "fmnist-train"):
        for place in (folder, folder / "figures"):
            _remove_litter(place)
        yield


def _remove_litter(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        match = _LITTER.fullmatch(path.name)
        if not match or path.is_symlink():
            continue
        with contextlib.suppress(OSError):
            if path.is_file() and match[2]:
                path.unlink()
            elif path.is_dir() and not match[2] and {entry.name for entry in path.iterdir()} <= {match[1]}:
                # It holds a second name of a file that was to be replaced.
                shutil.rmtree(path)
