"""The bundle's one file: a shell script, then a ZIP. Every byte of it is checked before anything is written.

`sh FILE` lets the script compare size and SHA-256 of what follows it, and hands over to Python, which runs a file that
ends in a ZIP. The Python side makes the script anew and compares that too, so no byte is left out. The script is one
braced command, which a shell reads to its end before it does any of it: cut off anywhere behind its first lines (which
are comments), it is a syntax error.
"""

import hashlib
import re
from pathlib import Path

_HEADER = """\
#!/bin/sh
# fmnist-edge {version} for {board}.
{{
fail() {{ echo "fmnist-bundle: $0: $1" >&2; exit 1; }}
bytes=$(wc -c <"$0")
[ "$bytes" -eq {total} ] || fail "cut off or changed: $bytes bytes, expected {total_stated}; copy it again"
found=$(tail -c {size} "$0" | sha256sum | cut -c 1-64)
[ "$found" = {digest} ] || fail "damaged: its SHA-256 is not the one that was made; copy it again"
for python in {python} python3; do
    if "$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "{python}"[6:])' 2>/dev/null; then
        exec "$python" -I "$0" "$@"
    fi
done
command -v python3 >/dev/null || fail "there is no python3 here; run: sudo apt install python3"
exec python3 -I "$0" "$@"
}}
"""
_STATED = re.compile(rb"^found=\$\(tail -c (\d+) ", re.MULTILINE)
_CHUNK = 2**20


class ArchiveError(Exception):
    """The bundle is not, byte for byte, what was made."""


def header(board: str, version: str, python: tuple[int, int], size: int, digest: str) -> bytes:
    """The script before a ZIP of `size` bytes with the SHA-256 `digest`."""
    facts = {"board": board, "version": version, "python": f"python{python[0]}.{python[1]}"}

    def text(total: int) -> bytes:
        # As wide for every number, so that the script's length doesn't depend on what it states.
        return _HEADER.format(**facts, size=size, digest=digest, total=f"{total:<12}", total_stated=total).encode()

    total = size
    while len(text(total)) + size != total:
        total = len(text(total)) + size
    return text(total)


def check(path: Path, board: str, version: str, python: tuple[int, int]) -> str:
    """The SHA-256 of the ZIP in the bundle `path`, which says of itself what the arguments say.

    Raises ArchiveError where any byte of the file is not the one that was made.
    """
    with path.open("rb") as file:
        found = _STATED.search(file.read(4096))
        size = int(found[1]) if found else 0
        start = file.seek(0, 2) - size
        if not found or start < 0:
            raise ArchiveError(
                f"{path}: damaged, the script before the ZIP is not the one that was made; copy it again"
            )
        file.seek(start)
        digest = hashlib.sha256()
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        file.seek(0)
        if file.read(start) != header(board, version, python, size, digest.hexdigest()):
            raise ArchiveError(f"{path}: damaged, its bytes are not those that were made; copy it again")
    return digest.hexdigest()
