"""Run the installed commands, and check how they fail."""

import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
BASE_BIN = ROOT / ".venv-base" / "bin"


def run_command(name: str, *arguments: object, folder: Path = BIN, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the installed command `name`; its output as text."""
    command = [str(folder / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False, **options)


def assert_fails(result: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """Assert that the command ended with `code` and one line of error that contains all of `words`; no traceback."""
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    lines = [line for line in result.stderr.splitlines() if line.startswith("fmnist-")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in lines[0], (word, lines[0])
