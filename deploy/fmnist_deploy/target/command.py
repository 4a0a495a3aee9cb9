"""The installer inside a bundle: check, install beside what is there, prove it, and only then switch to it."""

import argparse
import errno
import json
import os
import shlex
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from fmnist_deploy.target import archive, installation, interruption, output, ownership, release, service, system
from fmnist_deploy.target.archive import ArchiveError
from fmnist_deploy.target.release import ReleaseError
from fmnist_deploy.target.wheel import WheelError
from fmnist_runtime.system import child, processes

_SECONDS = 300
# Byte code and the file system's blocks come on top of what the wheels hold.
_SPACE_FACTOR = 1.6
# Linux reads 255 bytes of a script's first line, which holds "#!", the prefix, and versions/VERSION/bin/python.
_LONGEST_PREFIX = 180


def main(arguments: list[str] | None = None, bundle: Path | None = None) -> int:
    """Install from `bundle`, or without one only --rollback; the exit code. One line on standard error on a failure.

    An interruption before the switch undoes what was done and ends with 128 and the signal's number, 130 for Ctrl-C;
    behind the switch it is too late, and the rest is done.
    """
    asked = _parser(bundle is None).parse_args(arguments)
    interruption.raise_on_signals()
    try:
        result = _result(bundle, asked)
    except (ReleaseError, ArchiveError, WheelError) as error:
        return output.fail(str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        way_out = "free some space" if error.errno == errno.ENOSPC else "look at its rights and the disk"
        return output.fail(
            f"{error.filename or asked.prefix}: {reason}; {way_out}, or choose another --prefix; nothing was changed"
        )
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        return output.fail(f"{bundle}: damaged ({error}); copy it again")
    except KeyboardInterrupt as error:
        return output.fail("interrupted; nothing was changed", interruption.exit_code(error))
    return output.show(json.dumps(result) if asked.json else "\n".join(output.lines(result)))


def default_prefix() -> str:
    """Where root and anybody else installs."""
    if os.geteuid() == 0:
        return "/opt/fmnist-edge"
    return str(Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "fmnist-edge")


def _parser(installed: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fmnist-rollback" if installed else "fmnist-bundle",
        description="Install fmnist-edge from this file, beside the version that is there, and switch to it when it "
        "answers rightly. Needs no internet.",
    )
    parser.add_argument("--prefix", default=default_prefix(), help="the folder to install below [%(default)s]")
    parser.add_argument("--rollback", action="store_true", help="switch back to the version before")
    parser.add_argument("--service", action="store_true", help="write systemd units: answers on a socket")
    parser.add_argument("--units", type=Path, default=service.default_folder(), help="where they go [%(default)s]")
    parser.add_argument("--check", action="store_true", help="only check this file and this machine")
    parser.add_argument("--no-compile", action="store_true", help="leave byte code to the first start")
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")
    return parser


def _result(bundle: Path | None, asked: argparse.Namespace) -> dict[str, Any]:
    try:
        prefix = Path(asked.prefix).expanduser().absolute()
    except RuntimeError as error:
        raise ReleaseError(f"{asked.prefix}: {error}; give --prefix as a whole path, from / on") from error
    _check_name(prefix)
    if asked.rollback:
        return _rollback(prefix)
    if bundle is None:
        raise ReleaseError("nothing to install; run a bundle, or --rollback")
    whole = archive.read(bundle)
    misfit = system.problem(whole.manifest)
    if misfit:
        raise ReleaseError(misfit)
    if asked.check:
        return {"board": whole.manifest["board"], "version": whole.version, "checked": True}
    objection = service.objection(asked.units, prefix) if asked.service else None
    if objection:
        raise ReleaseError(f"{objection}; nothing was changed")
    return _install(bundle, whole, prefix, asked)


def _check_name(prefix: Path) -> None:
    """Raise ReleaseError for a prefix that cannot stand in the first line of a script."""
    name = str(prefix)
    if any(character.isspace() for character in name):
        raise ReleaseError(f"{name}: a script's first line takes no blanks; choose another --prefix")
    if not name.isprintable():
        raise ReleaseError(f"{name}: has a character that cannot be printed; choose another --prefix")
    if len(os.fsencode(name)) > _LONGEST_PREFIX:
        raise ReleaseError(
            f"{name}: too long, {len(os.fsencode(name))} bytes, a script's first line takes {_LONGEST_PREFIX} at most; "
            f"choose another --prefix"
        )


def _install(bundle: Path, whole: archive.Bundle, prefix: Path, asked: argparse.Namespace) -> dict[str, Any]:
    if os.geteuid() == 0:
        # What root installs is for everybody, also for the service's own user.
        os.umask(0o022)
    release.claim(prefix)
    manifest = whole.manifest
    with release.locked(prefix, f"the installation of {whole.version}"):
        before = release.linked_version(prefix, "current")
        proofs = _installed(prefix, whole.version, manifest)
        if proofs is None:
            _space(prefix, manifest)
            with zipfile.ZipFile(bundle) as content, release.new_version(prefix, whole.version, whole.content) as made:
                folder, goal = made
                installation.fill(content, whole, folder, goal, prefix)
                if not asked.no_compile:
                    installation.compile_modules(folder, goal)
                proofs = _prove(folder, manifest)
        else:
            goal = prefix / "versions" / whole.version
        interruption.ignore_signals()
        release.switch(prefix, goal)
        stays = release.prune(prefix)
    # Named after the switch: the version before, where that is another.
    result = {"board": manifest["board"], "version": goal.name, "prefix": str(prefix), **proofs, "stays": stays}
    result["before"] = before.name if before and before.name != goal.name else None
    if asked.service:
        result |= _write_units(asked.units, prefix, next(iter(manifest["models"]), None))
    return result


def _write_units(units: Path, prefix: Path, model: str | None) -> dict[str, Any]:
    """The keys about the service; it does not undo an installation that is done."""
    if model is None:
        return {"service_problem": "the bundle holds no model, and the service needs one"}
    try:
        written = {"service": service.write(units, prefix, model)}
    except OSError as error:
        return {"service_problem": f"{error.filename or units}: the units cannot be written ({error.strerror})"}
    closed = service.unreadable(prefix) if os.geteuid() == 0 else None
    if closed:
        problem = f"{closed}: the service's own user cannot enter it; run: chmod o+x {shlex.quote(closed)}"
        return {**written, "service_problem": f"{problem}, or choose another --prefix, such as /opt/fmnist-edge"}
    return written


def _installed(prefix: Path, name: str, manifest: dict[str, Any]) -> dict[str, Any] | None:
    """The proofs of the version `name` where it is there and still answers rightly."""
    folder = prefix / "versions" / name
    if not ownership.is_version(folder):
        return None
    try:
        return _prove(folder, manifest)
    except ReleaseError:
        return None


def _prove(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """What fmnist-doctor and fmnist-verify say of the version in `folder`. Raises ReleaseError where one fails."""
    doctor = _run(folder, "fmnist-doctor", "--json")
    # By its name in the version: the folder is renamed in a moment.
    verified = [
        {**_run(folder, "fmnist-verify", str(folder / name), "--json"), "model": name} for name in manifest["models"]
    ]
    return {"doctor": doctor, "verify": verified}


def _run(folder: Path, name: str, *arguments: str) -> Any:
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    words = [*child.python()[:-1], str(folder / "bin" / "python"), str(folder / "bin" / name), *arguments]
    try:
        ended = processes.run(words, seconds=_SECONDS, variables=variables)
    except subprocess.TimeoutExpired:
        raise ReleaseError(f"{name} did not end within {_SECONDS} s; the version before stays") from None
    if ended.returncode != 0:
        lines = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
        raise ReleaseError(f"{name} fails here ({lines[-1] if lines else ended.returncode}); the version before stays")
    return json.loads(ended.stdout)


def _space(prefix: Path, manifest: dict[str, Any]) -> None:
    needed, free = int(manifest["unpacked_bytes"] * _SPACE_FACTOR), shutil.disk_usage(prefix).free
    if free < needed:
        raise ReleaseError(
            f"{prefix}: the disk is too full: {needed / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are free; "
            f"free some space, or choose another --prefix; nothing was changed"
        )


def _rollback(prefix: Path) -> dict[str, Any]:
    if not prefix.is_dir():
        raise ReleaseError(f"{prefix}: nothing is installed there; name the folder with --prefix")
    release.check(prefix)
    if release.linked_version(prefix, "current") is None:
        raise ReleaseError(f"{prefix}: there is no previous version to go back to; install one from its bundle")
    with release.locked(prefix, "fmnist-rollback"):
        interruption.ignore_signals()
        now, before = release.rollback(prefix)
    result: dict[str, Any] = {"version": now.name, "before": before.name, "prefix": str(prefix)}
    program = Path("bin") / service.PROGRAM
    if (before / program).exists() and not (now / program).exists():
        result["service_problem"] = (
            f"{now.name} has no {service.PROGRAM}: a service whose units {before.name} wrote does not start with it; "
            f"write them again from the bundle of {now.name}, with --service"
        )
    return result
