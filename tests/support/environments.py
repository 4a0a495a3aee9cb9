"""Real virtual environments with other packages than the one that runs the tests, kept in build/environments.

Each is named by what is in it; its folder carries a digest of the Python and the requirements, so a change of either
makes a new one. fmnist_runtime itself is not installed there: it is run from the source, by PYTHONPATH.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT
from once import digest_name, make_once

_FOLDER = ROOT / "build" / "environments"

# By name: the Python that it needs (None for the one that runs the tests), and what pip installs there.
ENVIRONMENTS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "litert": (None, ("numpy", "click", "Pillow", "ai-edge-litert")),
    "numpy2": ("3.11", ("numpy>=2", "click", "tflite-runtime")),
    "bare": (None, ("numpy", "click")),
    "python3.12": ("3.12", ("numpy", "click", "Pillow", "ai-edge-litert")),
    "python3.13": ("3.13", ("numpy", "click", "Pillow", "ai-edge-litert")),
}


def environment(name: str) -> Path:
    """The python of the environment `name`, a key of ENVIRONMENTS; skips the test where its Python is missing."""
    version, requirements = ENVIRONMENTS[name]
    python = find_python(version)
    pins = [pin for pin in _pins() if name != "numpy2" or not pin.startswith("numpy==")]
    stated = repr((str(Path(python).resolve()), requirements, pins))

    def make(folder: Path) -> None:
        subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
        constraints = folder / "constraints.txt"
        constraints.write_text("\n".join(pins))
        pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-qq", "-c", constraints, *requirements], check=True, timeout=600)

    return make_once(_FOLDER / digest_name(name, stated), make) / "bin" / "python"


def run_python(
    python: Path, *arguments: object, timeout: float = 300, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run `python` with fmnist_runtime and the tests' helpers on its path; output as text."""
    path = os.pathsep.join(str(ROOT / part) for part in ("runtime", "benchmarks", "deploy", "tests"))
    return subprocess.run(
        [str(python), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )


def find_python(version: str | None) -> str:
    """The CPython of that minor version, None for the one that runs the tests; skips the test where it is missing."""
    if version is None or sys.version.startswith(f"{version}."):
        return sys.executable
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for path in (shutil.which(f"python{version}"), *pyenv):
        if path and subprocess.run([path, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return str(path)
    return pytest.skip(f"Python {version} is missing on this machine; run: pyenv install {version}")


def _pins() -> list[str]:
    return [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
