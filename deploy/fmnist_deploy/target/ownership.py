"""Proof of what the installer made below a prefix. Nothing else is ever removed, and no link is followed there.

    PREFIX/.fmnist-edge                     the mark of a prefix, written where it was empty
    PREFIX/versions/VERSION/.fmnist-edge    the mark of a version, with its name and the SHA-256 of its bundle.json

A version belongs to the installer if it is a folder and not a link, has the name that its bundle.json gives it, and has
the mark; a version of an older release without marks has the fmnist-rollback that was written for it. It may be removed
if it holds nothing but the files of its bundle and byte code. A prefix belongs to the installer if it has the mark, if
its current version belongs to the installer, or if it holds nothing else.
"""

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fmnist_deploy.target.textfile import read_text, write_new
from fmnist_runtime.system.locks import is_lock

MANIFEST = "bundle.json"
MARK = ".fmnist-edge"
LOCK = ".lock"
VERSIONS = "versions"
LINKS = ("current", "previous")
PARTIAL = ".partial-"
_PREFIX_MARK = "The installer of fmnist-edge works here. It removes old versions that it made, and nothing else.\n"
_NAME = r"[0-9][0-9A-Za-z.+]*-[0-9a-f]{12}(\.\d+)?"
_INCOMING = r"\.incoming-\w{6}"
# A copy by ssh takes less than an hour; one that is a day old was left by a killed deployment.
_INCOMING_SECONDS = 86_400


def mark_prefix(prefix: Path) -> None:
    """Write the mark of a prefix where it is missing, or where a full disk or a power cut left it empty."""
    if read_text(prefix / MARK) == "":
        (prefix / MARK).unlink()
    with contextlib.suppress(FileExistsError):
        write_new(prefix / MARK, _PREFIX_MARK)


def mark_version(folder: Path, name: str, manifest: bytes) -> None:
    """Write the mark of the version `name`, whose bundle.json will be `manifest`, into `folder`."""
    mark = {"made_by": "fmnist-bundle", "version": name, "manifest": hashlib.sha256(manifest).hexdigest()}
    write_new(folder / MARK, json.dumps(mark) + "\n")


def objection(prefix: Path) -> str | None:
    """Why nothing may be installed or switched below `prefix`, in one sentence; None where it may."""
    if (prefix / VERSIONS).is_symlink() or ((prefix / VERSIONS).exists() and not (prefix / VERSIONS).is_dir()):
        return f"{prefix / VERSIONS}: is a link or a file, expected a folder; move it away"
    if os.path.lexists(prefix / LOCK) and not is_lock(prefix / LOCK):
        return f"{prefix / LOCK}: is not the lock file that fmnist-edge makes; move it away"
    for link in LINKS:
        if os.path.lexists(prefix / link) and linked_name(prefix / link) is None:
            return f"{prefix / link}: is not the link to a version that fmnist-edge makes; move it away"
    if read_text(prefix / MARK) == _PREFIX_MARK:
        return None
    current = linked_name(prefix / LINKS[0])
    if current and is_version(prefix / VERSIONS / current):
        return None
    names = sorted(_foreign_names(prefix))
    if not names:
        return None
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{prefix}: holds {names[0]}{more}, which fmnist-edge did not make; choose an empty folder"


def linked_name(link: Path) -> str | None:
    """The name of the version that `link` points to, whether it exists or not; None for a link of somebody else."""
    if not link.is_symlink():
        return None
    found = re.fullmatch(rf"{VERSIONS}/({_NAME})", str(link.readlink()))
    return found[1] if found else None


def is_version(folder: Path) -> bool:
    """Whether the installer made the version `folder`."""
    manifest = manifest_of(folder)
    if manifest is None or not re.fullmatch(_NAME, folder.name):
        return False
    # The digest in the name is that of the bundle, which is not kept; a second copy has a number at the end.
    if not folder.name.startswith(f"{manifest.get('fmnist_edge')}-"):
        return False
    return _has_mark(folder) if os.path.lexists(folder / MARK) else _has_rollback(folder)


def is_partial(folder: Path) -> bool:
    """Whether `folder` was left by a killed installation."""
    name = folder.name.removeprefix(PARTIAL)
    if not _is_folder(folder) or name == folder.name or not re.fullmatch(_NAME, name):
        return False
    return {path.name for path in folder.iterdir()} <= {"bin", "lib", "models", "pyvenv.cfg", MANIFEST, MARK}


def is_old_copy(folder: Path) -> bool:
    """Whether `folder` was left by a deployment by ssh that was killed at least a day ago."""
    if not re.fullmatch(_INCOMING, folder.name) or not _is_folder(folder):
        return False
    if time.time() - folder.lstat().st_mtime < _INCOMING_SECONDS:
        return False
    return {path.name for path in folder.iterdir()} <= {"bundle.run", "pid"}


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """The bundle.json of the version `folder`; None where it is missing or damaged."""
    if not _is_folder(folder):
        return None
    try:
        manifest = json.loads(read_text(folder / MANIFEST) or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("wheels"), list):
        return None
    models = manifest.get("models")
    is_complete = isinstance(models, dict) and all(isinstance(entry, dict) for entry in models.values())
    return manifest if is_complete else None


def _foreign_names(prefix: Path) -> Iterator[str]:
    """The names in the unmarked `prefix` that no installation leaves, whether finished or killed."""
    for path in prefix.iterdir():
        if path.name == VERSIONS:
            yield from (
                f"{VERSIONS}/{entry.name}"
                for entry in path.iterdir()
                if not is_version(entry) and not is_partial(entry)
            )
        elif (
            path.name not in (*LINKS, LOCK)
            and not _is_temporary(path)
            and not (path.name == MARK and read_text(path) == "")
        ):
            yield path.name


def _is_temporary(path: Path) -> bool:
    """Whether `path` is a copy by ssh that may be under way, or the link that a switch renames."""
    if path.name in (f".{link}.new" for link in LINKS):
        return linked_name(path) is not None
    return bool(re.fullmatch(_INCOMING, path.name)) and _is_folder(path)


def _has_mark(folder: Path) -> bool:
    try:
        mark = json.loads(read_text(folder / MARK) or "")
    except (ValueError, RecursionError):
        return False
    digest = hashlib.sha256((read_text(folder / MANIFEST) or "").encode()).hexdigest()
    return isinstance(mark, dict) and (mark.get("version"), mark.get("manifest")) == (folder.name, digest)


def _has_rollback(folder: Path) -> bool:
    """Whether `folder` has the fmnist-rollback of releases without marks, which names the folder itself."""
    script = rf"#!(?:/.*)?/{VERSIONS}/{re.escape(folder.name)}/bin/python\nimport sys\n\n" + re.escape(
        "from fmnist_deploy.target.command import main\n\nsys.exit(main(['--rollback', '--prefix', "
    )
    return bool(re.match(script, read_text(folder / "bin" / "fmnist-rollback") or ""))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
