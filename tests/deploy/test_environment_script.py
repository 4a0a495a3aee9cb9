"""scripts/environment.sh, which make runs: one at a time, and no folder of others is taken for an environment."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import machine
import pytest
from helpers import ROOT
from waiting import HANG_SECONDS


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with the script and nothing to install."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "environment.sh", tmp_path / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    return tmp_path


def start(tree: Path, folder: str) -> "subprocess.Popen[str]":
    """Run the script with a pip that has no network; what needs a package of the system fails."""
    programs = tree / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "apt-get").write_text("#!/bin/sh\nexit 1\n")
    (programs / "apt-get").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    variables = {**os.environ, "PYTHON": sys.executable, "PIP_NO_INDEX": "1", "PATH": path}
    return subprocess.Popen(
        [tree / "scripts" / "environment.sh", folder, "pip"],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.host
def test_two_runs_at_once_make_one_environment(tree: Path) -> None:
    machine.program("flock", package="util-linux")
    both = [start(tree, "environment"), start(tree, "environment")]
    said = sorted(process.communicate(timeout=HANG_SECONDS) for process in both)
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0] == ("another make makes an environment here; waiting until it ends\n", "")
    assert said[1][0].startswith("making environment with Python")
    assert (tree / "environment" / "bin" / "python").exists()


def test_a_folder_that_is_not_an_environment_is_kept(tree: Path) -> None:
    (tree / "mine").mkdir()
    (tree / "mine" / "notes.txt").write_text("precious\n")
    process = start(tree, "mine")
    _, said = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 1
    assert said == "mine is there and is no virtual environment; move it away, then run make again\n"
    assert [path.name for path in (tree / "mine").iterdir()] == ["notes.txt"]
