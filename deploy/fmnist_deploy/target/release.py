"""The versions side by side below one folder, and which of them is the current one.

    PREFIX/versions/0.1.0-1a2b3c4d5e6f/{bin,lib,models,bundle.json}
    PREFIX/current  -> versions/...     switched by a rename, so a process finds the old version or the new one
    PREFIX/previous -> versions/...     what --rollback goes back to

A version is made under another name and becomes visible when it is whole.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_PARTIAL = ".partial-"


class ReleaseError(Exception):
    """The version cannot be installed or switched; the message says what to do."""


@contextlib.contextmanager
def locked(prefix: Path) -> Iterator[None]:
    """Nobody else installs or switches below `prefix` meanwhile. Raises ReleaseError where somebody does."""
    prefix.mkdir(parents=True, exist_ok=True)
    (prefix / "versions").mkdir(exist_ok=True)
    with (prefix / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReleaseError(f"{prefix}: another installation is running there; wait for its end") from None
        yield


def linked(prefix: Path, link: str) -> Path | None:
    """The version that `link`, "current" or "previous", points to; None where there is none."""
    path = prefix / link
    return path.resolve() if path.is_symlink() and path.is_dir() else None


@contextlib.contextmanager
def made(prefix: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """A folder to fill, and the path that it gets at the end; removed where filling it fails."""
    versions = prefix / "versions"
    goal = versions / name
    number = 1
    while goal.exists():
        number += 1
        goal = versions / f"{name}.{number}"
    partial = versions / f"{_PARTIAL}{name}"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        yield partial, goal
        # What the rename shows must be on the disk, also where the power goes in the next second.
        os.sync()
        partial.replace(goal)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def switch(prefix: Path, version: Path) -> None:
    """Make `version` the current one; the one before becomes the previous."""
    before = linked(prefix, "current")
    if before == version:
        return
    if before is not None:
        _link(prefix / "previous", before)
    _link(prefix / "current", version)


def rollback(prefix: Path) -> tuple[Path, Path]:
    """Make the previous version the current one and the other way round; the two, the new current first.

    Raises ReleaseError where there is no previous version.
    """
    before, now = linked(prefix, "previous"), linked(prefix, "current")
    if before is None or now is None or before == now:
        raise ReleaseError(f"{prefix}: there is no previous version to go back to; install one from its bundle")
    _link(prefix / "current", before)
    _link(prefix / "previous", now)
    return before, now


def prune(prefix: Path) -> None:
    """Remove all versions but the current and the previous one, and what a killed installation has left."""
    kept = {linked(prefix, "current"), linked(prefix, "previous")}
    for path in (prefix / "versions").iterdir():
        if path.resolve() not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _link(link: Path, version: Path) -> None:
    temporary = link.with_name(f".{link.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(version, link.parent.resolve()))
    temporary.replace(link)
