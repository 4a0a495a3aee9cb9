"""One process at a time in a folder: a lock that the system takes back when its holder ends, however it ends.

The lock file stays where it is after use: removing it would let two processes hold locks on two files of one name.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from fmnist_runtime.errors import FmnistError, LockedError

# A holder's note is a process number and the words of its command; nobody writes more.
_MAXIMUM_NOTE = 200


@contextlib.contextmanager
def locked(path: Path, purpose: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path`, made where there is none; `purpose` tells others what for, such as "fmnist-train".

    Without `wait`, raises LockedError, which names the process that holds it; with `wait`, waits until it ends.
    Raises FmnistError where the file cannot be opened, or where a symbolic link stands in its place.
    """
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        reason = "a symbolic link is in its place" if error.errno == errno.ELOOP else error.strerror
        raise FmnistError(f"{path}: cannot be locked ({reason}); remove it, or choose another folder") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, _MAXIMUM_NOTE, 0).decode("utf-8", "replace").strip() or "another process"
            holder = holder if holder.isprintable() else repr(holder)
            raise LockedError(
                f"{path.parent}: in use by {holder}; wait until it ends, or choose another folder"
            ) from None
        note = f"{purpose} (process {os.getpid()})\n".encode()[:_MAXIMUM_NOTE]
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note, 0)
        yield
        # A holder that is killed leaves its note, which then says nothing: the lock itself is gone with it.
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
