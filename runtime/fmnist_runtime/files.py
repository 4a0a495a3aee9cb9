"""Whole files or none: atomic writes and digests."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fmnist_runtime.errors import FmnistError

# hashlib loads OpenSSL: 2 ms and 3 MB, for a model whose digest takes less. CPython's own SHA-256 is a private module
# that moved in 3.12, so hashlib stands in where neither is there.
_small_sha256: Callable[[bytes], Any] | None = None
for _module in ("_sha2", "_sha256"):
    with contextlib.suppress(ImportError, AttributeError):
        _small_sha256 = __import__(_module).sha256
_LARGE = 2**20


def sha256(content: bytes) -> str:
    """SHA-256 of `content` as 64 lower-case hexadecimal digits."""
    if len(content) < _LARGE and _small_sha256:
        return str(_small_sha256(content).hexdigest())
    import hashlib

    return hashlib.sha256(content).hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees the old file or the whole new one, never a part.

    Writes to a temporary file beside the target, flushes it to disk and renames it.
    Raises FmnistError where the folder cannot be written.
    """
    import tempfile  # with what it needs in turn, 2 ms that a classifier's start does without

    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise FmnistError(
            f"{path}: cannot be written ({error.strerror}); choose a folder that exists, is writable and has space"
        ) from error


def make_folder(path: Path) -> None:
    """Create the folder `path` with its parents; raise FmnistError where that is impossible or it is not writable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FmnistError(f"{path}: cannot be used as a folder ({error.strerror}); choose another with -o") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise FmnistError(f"{path}: the folder is not writable; choose another with -o")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
