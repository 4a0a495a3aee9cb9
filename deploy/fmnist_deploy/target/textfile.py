"""Small text files in folders that others can write to: no link is followed, nothing is overwritten."""

import os
from pathlib import Path

# No bundle.json, RECORD, script or unit of fmnist-edge is larger; a larger file is not read.
_MAXIMUM = 8 * 2**20


def read_text(path: Path) -> str | None:
    """The UTF-8 text of the file `path`; None for a link and for what is not a file, not text, or too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        content = b""
        while len(content) <= _MAXIMUM and (more := os.read(descriptor, _MAXIMUM + 1 - len(content))):
            content += more
        return content.decode() if len(content) <= _MAXIMUM else None
    except (OSError, ValueError):
        return None
    finally:
        os.close(descriptor)


def write_new(path: Path, text: str) -> None:
    """Write `text` to the new file `path`. Raises FileExistsError where anything exists there, also a link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
