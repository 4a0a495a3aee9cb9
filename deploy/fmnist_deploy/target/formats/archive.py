"""The bundle's one file: a shell script, then a ZIP. Every byte of it is checked before anything is written.

With `sh FILE` the script compares size and SHA-256 of what follows it, and starts Python, which runs a file that ends
in a ZIP. The Python side generates the script again and compares that too, so every byte is checked. The script is one
command in braces, which a shell reads to its end before it runs any of it, and the brace is the file's first byte: cut
off anywhere behind it, the script is a syntax error. No `#!` stands before it, because a copy that is cut off within
that line would be a comment, which a shell runs without complaint. An empty file is an empty script; no content can
change that.
"""

import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

_HEADER = """\
{{ # fmnist-edge {version} for {board}; run: sh FILE
case $0 in */*) file=$0 ;; *) file=./$0 ;; esac
fail() {{ echo "fmnist-bundle: $file: $1" >&2; exit 1; }}
bytes=$(wc -c <"$file")
[ "$bytes" -eq {total} ] || fail "cut off or changed: $bytes bytes, expected {total_stated}; copy it again"
found=$(tail -c {size} <"$file" | sha256sum | cut -c 1-64)
[ "$found" = {digest} ] || fail "damaged: its SHA-256 is not the one that was made; copy it again"
for python in {python} python3; do
    if "$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "{python}"[6:])' 2>/dev/null; then
        exec "$python" -I "$file" "$@"
    fi
done
command -v python3 >/dev/null || fail "there is no python3 here; run: sudo apt install python3"
exec python3 -I "$file" "$@"
}}
"""
_STATED = re.compile(rb"^found=\$\(tail -c (\d+) ", re.MULTILINE)
_CHUNK = 2**20
_MANIFEST = "bundle.json"
_MAXIMUM_MANIFEST = 8 * 2**20
# What the installer writes below the version's folder: one file in models/, and nothing that leads out of it.
_MODEL = re.compile(r"models/[^/]+")


class ArchiveError(Exception):
    """The file is not, byte for byte, the bundle that was made."""


class Bundle(NamedTuple):
    """A checked bundle: its manifest, parsed and as bytes, and the SHA-256 of its ZIP."""

    manifest: dict[str, Any]
    content: bytes
    digest: str

    @property
    def version(self) -> str:
        """The name of the version that it installs."""
        return f"{self.manifest['fmnist_edge']}-{self.digest[:12]}"


def header(board: str, version: str, python: tuple[int, int], size: int, digest: str) -> bytes:
    """The script before a ZIP of `size` bytes with the SHA-256 `digest`."""
    facts = {"board": board, "version": version, "python": f"python{python[0]}.{python[1]}"}

    def text(total: int) -> bytes:
        # Of one width for every number, so that the length of the script does not depend on it.
        return _HEADER.format(**facts, size=size, digest=digest, total=f"{total:<12}", total_stated=total).encode()

    total = size
    while len(text(total)) + size != total:
        total = len(text(total)) + size
    return text(total)


def read(path: Path) -> Bundle:
    """Read the bundle `path` and check every byte. Raises ArchiveError where one differs, and OSError."""
    if not path.stat().st_size:
        raise ArchiveError(f"{path}: empty, 0 bytes, expected a bundle; copy it again")
    # The one place that reads a ZIP that may hold anything: zipfile raises some seven kinds of errors.
    try:
        with zipfile.ZipFile(path) as content:
            if content.getinfo(_MANIFEST).file_size > _MAXIMUM_MANIFEST:
                raise ValueError(f"{_MANIFEST} is larger than {_MAXIMUM_MANIFEST} bytes")
            text = content.read(_MANIFEST)
        manifest = json.loads(text)
        facts = manifest["board"], manifest["fmnist_edge"], tuple(manifest["python"])
        names = [name for model, entry in manifest["models"].items() for name in (model, entry["golden"])]
        strange = [name for name in names if not _MODEL.fullmatch(name) or not name.isprintable()]
    except OSError:
        raise
    except Exception as error:
        raise ArchiveError(f"{path}: damaged, or not a bundle ({error}); copy it again") from error
    digest = check(path, *facts)
    if strange:
        raise ArchiveError(f"{path}: holds a model named {strange[0]!r}, expected models/NAME; make it again")
    return Bundle(manifest, text, digest)


def check(path: Path, board: str, version: str, python: tuple[int, int]) -> str:
    """The SHA-256 of the ZIP in the bundle `path`, whose header matches the arguments.

    Raises ArchiveError where any byte of the file differs from what was made.
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
