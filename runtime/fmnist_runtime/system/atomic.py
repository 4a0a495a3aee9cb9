"""Whole files or none: atomic writes and digests."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
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
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write each content to its path, all of them or none.

    All are written and flushed beside their targets first, then renamed. Where a rename is refused, what stood there
    before is put back. Raises FmnistError, and the targets are as they were.
    """
    with contextlib.ExitStack() as litter:
        temporaries = {path: _temporary(path, content, litter) for path, content in contents.items()}
        kept: dict[Path, Path | None] = {}
        try:
            for path, temporary in temporaries.items():
                if len(temporaries) > 1:
                    kept[path] = _kept(path, litter)
                with _naming(path):
                    temporary.replace(path)
        except BaseException:
            _put_back(kept, temporaries)
            raise


def _temporary(path: Path, content: bytes, litter: contextlib.ExitStack) -> Path:
    """A file beside `path` that holds `content`, on disk; removed with `litter` where it is still there."""
    import tempfile  # with what it needs in turn, 2 ms that a classifier's start does without

    with _naming(path):
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        litter.callback(temporary.unlink, missing_ok=True)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
    return temporary


def _kept(path: Path, litter: contextlib.ExitStack) -> Path | None:
    """A second name, or where the file system has none a copy, for the file that is at `path`; None without one."""
    if not os.path.lexists(path):
        return None
    with _naming(path):
        folder = _folder_beside(path, litter)
        kept = folder / path.name
        try:
            os.link(path, kept, follow_symlinks=False)
        except OSError:
            kept.write_bytes(path.read_bytes())
    return kept


def _folder_beside(path: Path, litter: contextlib.ExitStack) -> Path:
    import tempfile

    return Path(litter.enter_context(tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent)))


def _put_back(kept: Mapping[Path, Path | None], temporaries: Mapping[Path, Path]) -> None:
    """Undo the renames that were done: those whose temporary file is gone."""
    for path, before in kept.items():
        if temporaries[path].exists():
            continue
        with contextlib.suppress(OSError):
            path.unlink() if before is None else before.replace(path)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn an OSError into an FmnistError that names `path`."""
    try:
        yield
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
