"""What holds for the repository as a whole."""

import subprocess
from pathlib import Path

import pytest

import fmnist_runtime

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")

ROOT = Path(__file__).parent.parent


def test_the_version_is_written_once_and_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == fmnist_runtime.__version__
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_command_is_in_the_readme_and_answers_help() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    readme = (ROOT / "README.md").read_text()
    for name in scripts:
        assert f"`{name}" in readme
        output = subprocess.check_output([ROOT / ".venv" / "bin" / name, "--help"], text=True)
        assert output.startswith(f"Usage: {name}")


def test_the_shipped_models_are_small() -> None:
    models = list((ROOT / "runtime" / "fmnist_runtime" / "models").glob("*"))
    assert models
    assert sum(path.stat().st_size for path in models) < 450_000
