"""Verification of an installed version by its own commands, before it becomes the current one."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from fmnist_deploy.target import ownership
from fmnist_deploy.target.release import ReleaseError
from fmnist_runtime.system import child, processes

_SECONDS = 300


def verify_installed(prefix: Path, name: str, manifest: dict[str, Any]) -> dict[str, Any] | None:
    """The verification of the version `name` where it is installed and still passes, else None."""
    folder = prefix / "versions" / name
    if not ownership.is_version(folder):
        return None
    try:
        return verify(folder, manifest)
    except ReleaseError:
        return None


def verify(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """The results of fmnist-doctor and fmnist-verify of the version in `folder`. Raises ReleaseError if one fails."""
    doctor = _run(folder, "fmnist-doctor", "--json")
    # Models by their names in the version: the folder is renamed in a moment.
    verified = [
        {**_run(folder, "fmnist-verify", str(folder / name), "--json"), "model": name} for name in manifest["models"]
    ]
    return {"doctor": doctor, "verify": verified}


def _run(folder: Path, name: str, *arguments: str) -> Any:
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    words = [*child.python_command()[:-1], str(folder / "bin" / "python"), str(folder / "bin" / name), *arguments]
    try:
        ended = processes.run(words, seconds=_SECONDS, variables=variables)
    except subprocess.TimeoutExpired:
        raise ReleaseError(f"{name} did not end within {_SECONDS} s; the current version stays") from None
    if ended.returncode != 0:
        lines = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
        raise ReleaseError(f"{name} fails here ({lines[-1] if lines else ended.returncode}); the current version stays")
    return json.loads(ended.stdout)
