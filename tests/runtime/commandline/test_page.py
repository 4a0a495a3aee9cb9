"""docs/cli.md is what the commands print for --help."""

import re
import subprocess
import sys

import pytest
from helpers import ROOT, run_command

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")


def test_the_page_is_what_the_commands_print() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "cli_docs.py", "--check"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_every_option_of_every_command_is_in_the_page() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for name in scripts:
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        options = re.findall(r"^  (?:-\w, )?(--[\w-]+)", run_command(name, "--help").stdout, re.MULTILINE)
        assert {"--help", "--version"} <= set(options)
        for option in options:
            assert re.search(rf"^  (-\w, )?{option}\b", section, re.MULTILINE), f"{name} {option} is not in docs/cli.md"
