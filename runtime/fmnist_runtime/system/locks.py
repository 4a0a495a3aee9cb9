"""One process at a time in a folder: a lock that the system releases when its holder ends, however it ends.

The lock file stays in place after use: removing it would let two processes hold locks on two files of one name. A lock
does not keep out programs that do not ask for it.
"""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from fmnist_runtime.errors import LockedError, LockFileError

# A holder's note is its purpose and its process number.
_MAXIMUM_NOTE = 600
_MAXIMUM_PURPOSE = 100
_NOTE = re.compile(rb"[^\n]* \(process \d+\)\n")


@contextlib.contextmanager
def hold_lock(
    path: Path, purpose: str, *, wait: bool = False, say: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Hold the lock file `path`, created if missing; `purpose` tells others what for, such as "fmnist-train".

    Where another process holds it: without `wait`, raises LockedError, which names that process; with `wait`, calls
    `say` with its name and waits until it ends. Raises LockFileError where the file cannot be opened, or where a
    symbolic link or another kind of file is in its place: a lock file is empty, or holds its holder's note.
    """
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        reason = "a symbolic link is in its place" if error.errno == errno.ELOOP else error.strerror
        raise LockFileError(f"{path}: cannot be locked ({reason}); remove it, or choose another folder") from error
    try:
        _check_ours(path, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            in_use = f"{path.parent}: in use by {_holder(descriptor)}"
            if not wait:
                raise LockedError(f"{in_use}; wait until it ends, or choose another folder") from None
            say(f"{in_use}; waiting until it ends")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        note = f"{purpose[:_MAXIMUM_PURPOSE]} (process {os.getpid()})\n".encode()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note, 0)
        yield
        # The note of a killed holder stays and means nothing: the lock itself is gone.
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_lock(path: Path) -> bool:
    """Whether `path` is a lock file that `hold_lock` would take, held or not; False for a symbolic link."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _may_be_emptied(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    holder = os.pread(descriptor, _MAXIMUM_NOTE, 0).decode("utf-8", "replace").strip() or "another process"
    return holder if holder.isprintable() else repr(holder)


def _check_ours(path: Path, descriptor: int) -> None:
    if not _may_be_emptied(descriptor):
        raise LockFileError(f"{path}: not a lock file of fmnist-edge; move it away, or choose another folder")


def _may_be_emptied(descriptor: int) -> bool:
    """Whether the open file is a lock file of this program: it has one name, and is empty or holds a note."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        return False
    content = os.pread(descriptor, _MAXIMUM_NOTE + 1, 0)
    return not content or _NOTE.fullmatch(content) is not None
