"""What holds for the repository as a whole."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import fmnist_runtime

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")

ROOT = Path(__file__).parent.parent


def test_the_version_is_written_once_and_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == fmnist_runtime.__version__
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_command_is_in_the_readme_and_with_all_its_options_in_the_page_of_commands() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    readme, page = (ROOT / "README.md").read_text(), (ROOT / "docs" / "cli.md").read_text()
    for name in scripts:
        assert f"`{name}" in readme
        output = subprocess.check_output([ROOT / ".venv" / "bin" / name, "--help"], text=True)
        assert output.startswith(f"Usage: {name}")
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        options = re.findall(r"^  (?:-\w, )?(--[\w-]+)", output, re.MULTILINE)
        assert options
        for option in options:
            assert re.search(rf"^  (-\w, )?{option}\b", section, re.MULTILINE), f"{name} {option} is not in docs/cli.md"


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "cli_docs.py", "--check"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_the_shipped_models_are_small() -> None:
    models = list((ROOT / "runtime" / "fmnist_runtime" / "models").glob("*"))
    assert models
    assert sum(path.stat().st_size for path in models) < 450_000
