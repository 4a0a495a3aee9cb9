"""Files from others, opened without waiting and read whole up to a limit that no claim inside them can raise.

It does not look at what a file holds.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fmnist_runtime.errors import FmnistError

_MAXIMUM_TEXT = 200


@contextlib.contextmanager
def open_file(path: Path, expected: str, kind: type[FmnistError] = FmnistError) -> Iterator[BinaryIO]:
    """The regular file `path`, open for reading; `expected` says in messages what it should be.

    Raises `kind` where it is missing, a folder, a pipe or a device, or cannot be read, here or while it is used.
    """
    try:
        # Opened first and then checked, so that nobody can replace the file in between. Without O_NONBLOCK, opening a
        # FIFO would wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                found = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
                raise kind(f"{path}: {found}, expected {expected}")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                yield file
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise kind(f"{path}: no such file, expected {expected}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise kind(f"{path}: cannot be read ({reason}); check the path and its permissions") from error


def read_file(path: Path, most: int, expected: str, kind: type[FmnistError] = FmnistError) -> bytes:
    """The content of the regular file `path`. Raises `kind` as `open_file`, and for more than `most` bytes."""
    with open_file(path, expected, kind) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(most + 1) if size <= most else b""
        if size > most or len(content) > most:
            raise kind(f"{path}: {max(size, len(content)):,} bytes, expected {expected} of at most {most:,}")
        return content


def error_text(error: BaseException) -> str:
    """The message of `error` as a part of one line, at most 200 characters; with its class where it says too little."""
    words = " ".join(str(error).strip().split("\n")[0].split())
    # The message of a KeyError or an IndexError says too little without the name of its class.
    is_clear = bool(words) and isinstance(error, ValueError | OSError | RuntimeError)
    return (words if is_clear else f"{type(error).__name__}: {words}").rstrip(": ")[:_MAXIMUM_TEXT]
