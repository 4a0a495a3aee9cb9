"""scripts/environment.sh, which make runs: one at a time, and no folder of others is taken for an environment."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with the script, nothing to install, and a pip that has no network."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "environment.sh", tmp_path / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    return tmp_path


def start(tree: Path, folder: str) -> "subprocess.Popen[str]":
    variables = {**os.environ, "PYTHON": sys.executable, "PIP_NO_INDEX": "1"}
    return subprocess.Popen(
        [tree / "scripts" / "environment.sh", folder, "pip"],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_runs_at_once_make_one_environment(tree: Path) -> None:
    if not shutil.which("flock"):
        pytest.skip("no flock on this machine")
    both = [start(tree, "environment"), start(tree, "environment")]
    said = sorted(process.communicate(timeout=120) for process in both)
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0] == ("another make makes an environment here; waiting until it ends\n", "")
    assert said[1][0].startswith("making environment with Python")
    assert (tree / "environment" / "bin" / "python").exists()


def test_a_folder_that_is_not_an_environment_is_kept(tree: Path) -> None:
    (tree / "mine").mkdir()
    (tree / "mine" / "notes.txt").write_text("precious\n")
    process = start(tree, "mine")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said == "mine is there and is no virtual environment; move it away, then run make again\n"
    assert [path.name for path in (tree / "mine").iterdir()] == ["notes.txt"]
