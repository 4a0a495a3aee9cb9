"""Real bundles, run as a board runs them: by sh and the system's Python, with no network."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from machine import without_network
from model_files import write_with_shuffled_weights

from fmnist_deploy import bundle
from fmnist_runtime.model import shipped

MODEL = shipped.model_path("mlp")
# The test's own Python must be the one that a bundle finds.
PATH = f"{Path(sys._base_executable).parent}:{os.environ['PATH']}"


def install(path: Path, prefix: Path, *options: object, python: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the bundle `path` by sh, or by `python`; without the variables of this test's environment."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    return subprocess.run(
        [*without_network(), *([python] if python else ["sh"]), str(path), "--prefix", str(prefix), *map(str, options)],
        env={**variables, "PATH": PATH},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def other_bundle(path: Path, goal: Path, weights: bool = False, wheels: bool = True) -> Path:
    """A bundle like `path` whose model is a copy under another name, with shuffled weights where `weights` is set."""
    with zipfile.ZipFile(path) as content:
        names = [name for name in content.namelist() if name.startswith("wheels/")] if wheels else []
        wheel_contents = {name: content.read(name) for name in names}
        python = tuple(json.loads(content.read("bundle.json"))["python"])
    folder = goal.parent / f"{goal.name}-models"
    folder.mkdir()
    model = folder / f"{goal.stem}-int8.tflite"
    if weights:
        write_with_shuffled_weights(MODEL, model)
    else:
        shutil.copy(MODEL, model)
    shutil.copy(shipped.golden_path("mlp"), folder / f"{goal.stem}-golden.npz")
    board = bundle.Board("x86-64", "a PC", python, "x86_64", 64, 34)
    goal.write_bytes(bundle.pack(board, bundle.read_models([model]), wheel_contents))
    return goal


def versions(prefix: Path) -> set[str]:
    return {path.name for path in (prefix / "versions").iterdir()}


def current(prefix: Path) -> str:
    return (prefix / "current").readlink().name
