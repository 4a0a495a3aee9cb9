"""Files written whole or not at all: a reader sees the old content or the new one, never a part.

It does not lock: of two processes that write one path, the last wins.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from fmnist_runtime.errors import WriteError


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees the old file or the whole new one, never a part.

    Writes to a temporary file beside the target, flushes it to disk and renames it.
    Raises WriteError where the folder cannot be written.
    """
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write each content to its path, all of them or none.

    All are first written and flushed beside their targets, then renamed. Where a rename fails, the previous files are
    put back: raises WriteError, with the targets as they were.
    """
    with contextlib.ExitStack() as cleanup:
        temporaries = {path: _temporary(path, content, cleanup) for path, content in contents.items()}
        backups: dict[Path, Path | None] = {}
        try:
            for path, temporary in temporaries.items():
                if len(temporaries) > 1:
                    backups[path] = _backup(path, cleanup)
                with _naming(path):
                    temporary.replace(path)
        except BaseException:
            _restore(backups, temporaries)
            raise


def _temporary(path: Path, content: bytes, cleanup: contextlib.ExitStack) -> Path:
    """A file beside `path` that holds `content`, on disk; `cleanup` removes it if it is still there."""
    import tempfile  # with its own imports it takes 2 ms, which a classifier's start does without

    with _naming(path):
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        cleanup.callback(temporary.unlink, missing_ok=True)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
    return temporary


def _backup(path: Path, cleanup: contextlib.ExitStack) -> Path | None:
    """A hard link to the file at `path`, or a copy where the file system has no links; None where there is no file."""
    if not os.path.lexists(path):
        return None
    with _naming(path):
        folder = _folder_beside(path, cleanup)
        backup = folder / path.name
        try:
            os.link(path, backup, follow_symlinks=False)
        except OSError:
            backup.write_bytes(path.read_bytes())
    return backup


def _folder_beside(path: Path, cleanup: contextlib.ExitStack) -> Path:
    import tempfile

    return Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent)))


def _restore(backups: Mapping[Path, Path | None], temporaries: Mapping[Path, Path]) -> None:
    """Undo the renames that took place: those whose temporary file is gone."""
    for path, before in backups.items():
        if temporaries[path].exists():
            continue
        with contextlib.suppress(OSError):
            path.unlink() if before is None else before.replace(path)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn an OSError into a WriteError that names `path`."""
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"{path}: cannot be written ({error.strerror}); choose a folder that exists, is writable and has space"
        ) from error


def make_folder(path: Path) -> None:
    """Create the folder `path` with its parents. Raises WriteError where that fails or the folder is not writable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"{path}: cannot be used as a folder ({error.strerror}); choose another with -o") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise WriteError(f"{path}: the folder is not writable; choose another with -o")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
