"""The installer inside a bundle: check, install beside what is there, prove it, and only then switch to it."""

import argparse
import errno
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from fmnist_deploy.target import archive, installing, release, service, system
from fmnist_deploy.target.archive import ArchiveError
from fmnist_deploy.target.release import ReleaseError
from fmnist_deploy.target.wheel import WheelError
from fmnist_runtime import child

_SECONDS = 300
# Byte code and the file system's blocks come on top of what the wheels hold.
_SPACE_FACTOR = 1.6


def main(arguments: list[str] | None = None, bundle: Path | None = None) -> int:
    """Install from `bundle`, or without one only --rollback; the exit code. One line on standard error on a failure."""
    asked = _parser(bundle is None).parse_args(arguments)
    try:
        prefix = Path(asked.prefix).expanduser().absolute()
        if any(character.isspace() for character in str(prefix)):
            raise ReleaseError(f"{prefix}: a script's first line takes no blanks; choose another --prefix")
        if asked.rollback:
            result = _rollback(prefix)
        elif bundle is None:
            raise ReleaseError("nothing to install; run a bundle, or --rollback")
        else:
            result = _install(bundle, prefix, asked)
    except (ReleaseError, ArchiveError, WheelError) as error:
        return _fail(str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        way_out = "free some space" if error.errno == errno.ENOSPC else "look at its rights and the disk"
        return _fail(
            f"{error.filename or prefix}: {reason}; {way_out}, or choose another --prefix; nothing was changed"
        )
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        return _fail(f"{bundle}: damaged ({error}); copy it again")
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was changed")
    print(json.dumps(result) if asked.json else "\n".join(_lines(result)))
    return 0


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


def _install(bundle: Path, prefix: Path, asked: argparse.Namespace) -> dict[str, Any]:
    with zipfile.ZipFile(bundle) as content:
        manifest: dict[str, Any] = json.loads(content.read(installing.MANIFEST))
        digest = archive.check(bundle, manifest["board"], manifest["fmnist_edge"], tuple(manifest["python"]))
        misfit = system.problem(manifest)
        if misfit:
            raise ReleaseError(misfit)
        name = f"{manifest['fmnist_edge']}-{digest[:12]}"
        if asked.check:
            return {"board": manifest["board"], "version": name, "checked": True}
        with release.locked(prefix):
            before = release.linked(prefix, "current")
            proofs = _installed(prefix, name, manifest)
            if proofs is None:
                _space(prefix, manifest)
                with release.made(prefix, name) as (folder, goal):
                    installing.fill(content, manifest, folder, goal, prefix)
                    if not asked.no_compile:
                        installing.compile_modules(folder, goal)
                    proofs = _prove(folder, manifest)
            else:
                goal = prefix / "versions" / name
            release.switch(prefix, goal.resolve())
            release.prune(prefix)
    # Named after the switch: the version before, where that is another.
    result = {"board": manifest["board"], "version": goal.name, "prefix": str(prefix), **proofs}
    result["before"] = before.name if before and before.name != goal.name else None
    if asked.service:
        first = next(iter(manifest["models"]))
        result["service"] = service.write(asked.units, prefix, first)
    return result


def _installed(prefix: Path, name: str, manifest: dict[str, Any]) -> dict[str, Any] | None:
    """The proofs of the version `name` where it is there and still answers rightly."""
    folder = prefix / "versions" / name
    if not folder.is_dir():
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
        ended = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=_SECONDS, check=False)
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
    with release.locked(prefix):
        now, before = release.rollback(prefix)
    return {"version": now.name, "before": before.name, "prefix": str(prefix)}


def _lines(result: dict[str, Any]) -> list[str]:
    if result.get("checked"):
        return [f"whole, and fit for this machine: {result['version']} for {result['board']}"]
    lines = [f"{result['prefix']}/current is {result['version']}"]
    if "doctor" in result:
        lines.append(f"it uses {result['doctor']['uses']}")
    lines += [f"{Path(one['model']).name}: {one['reason']}" for one in result.get("verify", ())]
    if result["before"]:
        lines.append(f"{result['before']} stays; back to it with: {result['prefix']}/current/bin/fmnist-rollback")
    lines.append(f"commands: {result['prefix']}/current/bin")
    if "service" in result:
        lines.append(f"switch the service on with: {result['service']}")
    return lines


def _fail(message: str) -> int:
    print(f"fmnist-bundle: {' '.join(message.split())}", file=sys.stderr)
    return 1
