"""What the commands print for people fits a terminal of 80 columns; fmnist-export's is in tests/export."""

import os
from pathlib import Path

import pytest
from environments import environment, run_python
from helpers import run_command

from fmnist_runtime.commandline.output import wrap


@pytest.mark.parametrize(
    "command",
    [
        "fmnist-classify --list-models",
        "fmnist-train --model list",
        "fmnist-doctor",
        "fmnist-verify mlp",
        pytest.param("fmnist-verify cnn-micro --data DATA", marks=pytest.mark.slow),
        "fmnist-benchmark mlp cnn-nano --runs 120 --processes 2 --threads 1,2",
    ],
)
def test_every_line_fits_80_columns(command: str, data_folder: Path) -> None:
    words = command.replace("DATA", str(data_folder)).split()
    result = run_command(*words, env={**os.environ, "COLUMNS": "80"})
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) > 3
    for line in lines:
        # A path may be longer, but then it has the line for itself.
        assert len(line) <= 80 or " " not in line, line


def test_what_doctor_says_where_nothing_works_fits_too() -> None:
    result = run_python(environment("bare"), "-c", "from fmnist_runtime.commands.doctor import main; main()")
    assert result.returncode == 1
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_wrap_indents_and_keeps_long_words_and_commands_whole() -> None:
    assert wrap("short") == "short"
    lines = wrap("to do   " + "word " * 30, 8).split("\n")
    assert all(line.startswith("        word") for line in lines[1:])
    assert max(map(len, lines)) <= 80
    path = "/" + "x" * 100
    assert wrap(f"{path} is a path") == f"{path}\nis a path"
    command = "pip install 'ai-edge-litert>=2.1.6'"
    assert command in wrap(f"{'word ' * 13}run: {command}; then run it again", 16).split("\n")[1]
