"""The installer inside a bundle: check, install beside the current version, verify, and only then switch to it."""

import argparse
import errno
import json
import os
import shlex
import shutil
import zipfile
from pathlib import Path
from typing import Any

from fmnist_deploy.target import installation, interruption, output, release, service, system, verification
from fmnist_deploy.target.formats import archive
from fmnist_deploy.target.formats.archive import ArchiveError
from fmnist_deploy.target.formats.wheel import WheelError
from fmnist_deploy.target.release import ReleaseError

# Byte code and the blocks of the file system come on top of the size of the wheels.
_SPACE_FACTOR = 1.6
# Linux reads 255 bytes of the first line of a script, which holds "#!", the prefix, versions/VERSION/bin/python.
_LONGEST_PREFIX = 180


def main(arguments: list[str] | None = None, bundle: Path | None = None) -> int:
    """Install from `bundle`, or without one only roll back; returns the exit code. A failure is one line on stderr.

    An interruption before the switch undoes everything and ends with 128 plus the number of the signal, 130 for Ctrl-C.
    After the switch it is ignored, and the rest is done.
    """
    options = _parser(bundle is None).parse_args(arguments)
    interruption.raise_on_signals()
    try:
        result = _run_options(bundle, options)
    except (ReleaseError, ArchiveError, WheelError) as error:
        return output.fail(str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        way_out = "free some space" if error.errno == errno.ENOSPC else "check its rights and the disk"
        return output.fail(
            f"{error.filename or options.prefix}: {reason}; {way_out}, or choose another --prefix; nothing was changed"
        )
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        return output.fail(f"{bundle}: damaged ({error}); copy it again")
    except KeyboardInterrupt as error:
        return output.fail("interrupted; nothing was changed", interruption.exit_code(error))
    return output.show(json.dumps(result) if options.json else "\n".join(output.lines(result)))


def default_prefix() -> str:
    """The default folder: one for root, one for anybody else."""
    if os.geteuid() == 0:
        return "/opt/fmnist-edge"
    return str(Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "fmnist-edge")


def _parser(installed: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fmnist-rollback" if installed else "fmnist-bundle",
        description="Install fmnist-edge from this file, beside the current version, and switch to it when it gives "
        "its recorded answers. Needs no internet.",
    )
    parser.add_argument("--prefix", default=default_prefix(), help="the folder to install below [%(default)s]")
    parser.add_argument("--rollback", action="store_true", help="switch back to the previous version")
    parser.add_argument("--service", action="store_true", help="write systemd units for answers on a socket")
    parser.add_argument(
        "--units", type=Path, default=service.default_folder(), help="the folder of the units [%(default)s]"
    )
    parser.add_argument("--check", action="store_true", help="only check this file and this machine")
    parser.add_argument("--no-compile", action="store_true", help="write byte code at the first start instead")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document")
    return parser


def _run_options(bundle: Path | None, options: argparse.Namespace) -> dict[str, Any]:
    try:
        prefix = Path(options.prefix).expanduser().absolute()
    except RuntimeError as error:
        raise ReleaseError(f"{options.prefix}: {error}; give --prefix as an absolute path") from error
    _check_name(prefix)
    if options.rollback:
        return _rollback(prefix)
    if bundle is None:
        raise ReleaseError("nothing to install; run a bundle, or --rollback")
    content = archive.read(bundle)
    problem = system.problem(content.manifest)
    if problem:
        raise ReleaseError(problem)
    if options.check:
        return {"board": content.manifest["board"], "version": content.version, "checked": True}
    objection = service.objection(options.units, prefix) if options.service else None
    if objection:
        raise ReleaseError(f"{objection}; nothing was changed")
    return _install(bundle, content, prefix, options)


def _check_name(prefix: Path) -> None:
    """Raise ReleaseError for a prefix that the first line of a script cannot hold."""
    name = str(prefix)
    if any(character.isspace() for character in name):
        raise ReleaseError(f"{name}: holds a blank, which the first line of a script cannot; choose another --prefix")
    if not name.isprintable():
        raise ReleaseError(f"{name}: holds a character that cannot be printed; choose another --prefix")
    if len(os.fsencode(name)) > _LONGEST_PREFIX:
        raise ReleaseError(
            f"{name}: {len(os.fsencode(name))} bytes are too long, the first line of a script takes {_LONGEST_PREFIX}; "
            f"choose another --prefix"
        )


def _install(path: Path, bundle: archive.Bundle, prefix: Path, options: argparse.Namespace) -> dict[str, Any]:
    if os.geteuid() == 0:
        # Everybody may use what root installs, also the service's own user.
        os.umask(0o022)
    release.claim(prefix)
    manifest = bundle.manifest
    with release.locked(prefix, f"the installation of {bundle.version}"):
        before = release.linked_version(prefix, "current")
        proofs = verification.verify_installed(prefix, bundle.version, manifest)
        if proofs is None:
            _check_space(prefix, manifest)
            with (
                zipfile.ZipFile(path) as content,
                release.new_version(prefix, bundle.version, bundle.content) as (folder, goal),
            ):
                installation.fill(content, bundle, folder, goal, prefix)
                if not options.no_compile:
                    installation.compile_modules(folder, goal)
                proofs = verification.verify(folder, manifest)
        else:
            goal = prefix / "versions" / bundle.version
        interruption.ignore_signals()
        release.switch(prefix, goal)
        stays = release.prune(prefix)
    result = {"board": manifest["board"], "version": goal.name, "prefix": str(prefix), **proofs, "stays": stays}
    result["before"] = before.name if before and before.name != goal.name else None
    if options.service:
        result |= _write_units(options.units, prefix, next(iter(manifest["models"]), None))
    return result


def _write_units(units: Path, prefix: Path, model: str | None) -> dict[str, Any]:
    """Write the units; returns the keys of the result about the service. A failure leaves the installation as it is."""
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


def _check_space(prefix: Path, manifest: dict[str, Any]) -> None:
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
