"""Versions side by side below one folder, the current one among them, and switching between them.

    PREFIX/versions/0.1.0-1a2b3c4d5e6f/{bin,lib,models,bundle.json}
    PREFIX/current  -> versions/...     switched by a rename, so a process finds the old version or the new one
    PREFIX/previous -> versions/...     the version that --rollback switches to

A version is made under another name and renamed when it is complete. PREFIX itself may be a link, for instance to a
folder on a larger disk; what it holds may not. fmnist_deploy.target.ownership decides what may be removed.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from fmnist_deploy.target import contents, ownership
from fmnist_runtime.errors import FmnistError, LockedError
from fmnist_runtime.system import locks


class ReleaseError(Exception):
    """A version cannot be installed or switched to; the message says what to do."""


def claim(prefix: Path) -> None:
    """Make the folder `prefix` if it is missing, and mark it as the installer's.

    Raises ReleaseError, and changes nothing, where it holds files that the installer did not make.
    """
    if os.path.lexists(prefix):
        check(prefix)
    prefix.mkdir(parents=True, exist_ok=True)
    (prefix / ownership.VERSIONS).mkdir(exist_ok=True)
    ownership.mark_prefix(prefix)


def check(prefix: Path) -> None:
    """Raise ReleaseError where `prefix` is not a folder, or not one of the installer."""
    if not prefix.is_dir():
        raise ReleaseError(f"{prefix}: not a folder, nor a link to one; choose another --prefix; nothing was changed")
    objection = ownership.objection(prefix)
    if objection:
        raise ReleaseError(f"{objection}, or choose another --prefix; nothing was changed")


@contextlib.contextmanager
def locked(prefix: Path, purpose: str) -> Iterator[None]:
    """Lock `prefix`, so that no other process installs or switches there; others see `purpose` as the reason.

    Raises ReleaseError, which names the process, where another one has the lock.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locks.hold_lock(prefix / ownership.LOCK, purpose))
        except LockedError as error:
            raise ReleaseError(f"another installation is running there: {error}") from None
        except FmnistError as error:
            raise ReleaseError(str(error)) from None
        yield


def linked_version(prefix: Path, link: str) -> Path | None:
    """The version that `link`, "current" or "previous", points to; None where there is none."""
    name = ownership.linked_name(prefix / link)
    version = prefix / ownership.VERSIONS / name if name else None
    return version if version and version.is_dir() and not version.is_symlink() else None


@contextlib.contextmanager
def new_version(prefix: Path, name: str, manifest: bytes) -> Iterator[tuple[Path, Path]]:
    """Make a folder to fill, and yield it with the path that it gets at the end. It is removed where filling it fails.

    It has the mark of the version from the start; `manifest` is the content of its bundle.json.
    """
    goal = _free(prefix / ownership.VERSIONS, name)
    partial = goal.with_name(f"{ownership.PARTIAL}{goal.name}")
    if os.path.lexists(partial) and not ownership.is_partial(partial):
        raise ReleaseError(f"{partial}: fmnist-edge did not make that; move it away; nothing was changed")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        ownership.mark_version(partial, goal.name, manifest)
        yield partial, goal
        # The content must be on the disk before the rename, in case the power fails in the next second.
        os.sync()
        partial.replace(goal)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def switch(prefix: Path, version: Path) -> None:
    """Make `version` the current one, and the current one the previous."""
    before = linked_version(prefix, "current")
    if before == version:
        return
    if before is not None:
        _link(prefix / "previous", before)
    _link(prefix / "current", version)


def rollback(prefix: Path) -> tuple[Path, Path]:
    """Swap the current and the previous version; returns both, the new current one first.

    Raises ReleaseError where there is no previous version.
    """
    before, now = linked_version(prefix, "previous"), linked_version(prefix, "current")
    if before is None or now is None or before == now:
        raise ReleaseError(f"{prefix}: there is no previous version to go back to; install one from its bundle")
    _link(prefix / "current", before)
    _link(prefix / "previous", now)
    return before, now


def prune(prefix: Path) -> list[str]:
    """Remove old versions of the installer and what killed installations left; keep the current and the previous one.

    Returns a sentence for each thing that stays because the installer did not make it, or something in it.
    """
    stays = []
    kept = {linked_version(prefix, "current"), linked_version(prefix, "previous")}
    for path in sorted((prefix / ownership.VERSIONS).iterdir()):
        if path in kept:
            continue
        foreign = None
        if not ownership.is_partial(path):
            if not ownership.is_version(path):
                stays.append(f"{path} stays: fmnist-edge did not make it")
                continue
            foreign = contents.foreign_file(path)
        if foreign:
            stays.append(f"{path} stays: it holds {foreign}, which its bundle did not bring; remove it by hand")
        else:
            shutil.rmtree(path, ignore_errors=True)
    for path in filter(ownership.is_old_copy, prefix.iterdir()):
        shutil.rmtree(path, ignore_errors=True)
    return stays


def _free(versions: Path, name: str) -> Path:
    """The path for the version `name`, with a number at the end where that name is taken."""
    goal, number = versions / name, 1
    while os.path.lexists(goal):
        number += 1
        goal = versions / f"{name}.{number}"
    return goal


def _link(link: Path, version: Path) -> None:
    temporary = link.with_name(f".{link.name}.new")
    if os.path.lexists(temporary) and ownership.linked_name(temporary) is None:
        raise ReleaseError(f"{temporary}: fmnist-edge did not make that; move it away")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(f"{ownership.VERSIONS}/{version.name}")
    temporary.replace(link)
