"""Small text files in folders where others may have put something: no link is followed, nothing is overwritten."""

import os
from pathlib import Path

# No bundle.json, RECORD, script or unit of ours is larger; who writes more there is not read.
_MAXIMUM = 8 * 2**20


def read_text(path: Path) -> str | None:
    """The UTF-8 text of the file `path`; None for a link, for what is no file, is too large or is no text."""
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
    """Write `text` into the new file `path`. Raises FileExistsError where anything is there, a link too."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
