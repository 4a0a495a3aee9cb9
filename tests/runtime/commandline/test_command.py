"""What every command has: -h, --help, --version, and examples in --help that are no invention."""

import os
import shlex
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import click
import numpy as np
import pytest
from helpers import ROOT, run_command

import fmnist_runtime
from fmnist_benchmarks.photos.rendering import render
from fmnist_deploy.boards import BOARDS
from fmnist_runtime.commandline import Command
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.model import shipped

COMMANDS = {entry.name: entry for entry in entry_points(group="console_scripts") if entry.value.startswith("fmnist_")}


def load(name: str) -> Command:
    command = COMMANDS[name].load()
    assert isinstance(command, Command)
    return command


def modules() -> list[str]:
    """Every module that is a command of its own, for python -m."""
    found = []
    for path in ROOT.glob("*/fmnist_*/**/*.py"):
        text = path.read_text()
        if "cls=Command" in text and '__name__ == "__main__"' in text:
            parts = path.relative_to(ROOT).with_suffix("").parts[1:]
            found.append(".".join(parts[:-1] if parts[-1] == "__main__" else parts))
    return sorted(found)


def test_there_are_seven_commands() -> None:
    assert len(COMMANDS) == 7
    assert "fmnist_runtime.answers" in modules()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_h_help_and_version(name: str) -> None:
    short, long, version = (run_command(name, option) for option in ("-h", "--help", "--version"))
    assert (short.returncode, short.stderr) == (0, "")
    assert short.stdout == long.stdout
    assert short.stdout.startswith(f"Usage: {name} ")
    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout == f"{name} (fmnist-edge) {fmnist_runtime.__version__}\n"


@pytest.mark.parametrize("module", modules())
def test_every_module_that_is_a_command_answers_h_and_version(module: str) -> None:
    for option, words in (("-h", "Show the version and exit."), ("--version", fmnist_runtime.__version__)):
        result = subprocess.run(
            [sys.executable, "-m", module, option], capture_output=True, text=True, timeout=120, check=True
        )
        assert words in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_are_in_help_and_parse(name: str) -> None:
    command = load(name)
    assert 2 <= len(command.examples) <= 4
    lines = run_command(name, "--help", env={**os.environ, "COLUMNS": "80"}).stdout.splitlines()
    assert "Examples:" in lines
    assert max(map(len, lines)) <= 80
    for example in command.examples:
        purpose = lines.index(f"  # {example.purpose}")
        assert lines[purpose + 1] == f"  {example.command}"
        # What a pipe brings and where the output goes is the shell's.
        words = shlex.split(example.command.rpartition("| ")[2].partition(" >")[0])
        assert words[0] == name
        with command.make_context(name, words[1:]) as context:
            assert context.command is command


def test_an_example_that_does_not_parse_is_found() -> None:
    with pytest.raises(click.UsageError):
        load("fmnist-doctor").make_context("fmnist-doctor", ["--bogus"])


def test_the_examples_of_the_device_run_as_they_stand(
    test_images_file: Path, test_split: Split, data_folder: Path, tmp_path: Path
) -> None:
    """Every example of classify, verify and doctor, in a folder that holds what they name."""
    (tmp_path / test_images_file.name).symlink_to(test_images_file)
    (tmp_path / "fashion-mnist").symlink_to(data_folder)
    (tmp_path / "model-int8.tflite").write_bytes(shipped.model_path("mlp").read_bytes())
    (tmp_path / "model-golden.npz").write_bytes(shipped.golden_path("mlp").read_bytes())
    for path in ("shirt.jpg", "photos/a.png", "more/b.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(render(test_split.images[0], np.random.default_rng(0)))
    (tmp_path / "camera-program").write_text("#!/bin/sh\nhead -c 1568 /dev/zero\n")
    (tmp_path / "camera-program").chmod(0o755)
    for name in ("fmnist-classify", "fmnist-verify", "fmnist-doctor"):
        for example in load(name).examples:
            result = subprocess.run(
                ["bash", "-c", example.command],
                cwd=tmp_path,
                env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{tmp_path}:{os.environ['PATH']}"},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert result.returncode == 0, (example, result.stderr)
            assert result.stdout


def test_the_help_of_the_bundle_lists_the_boards() -> None:
    lines = run_command("fmnist-bundle", "--help").stdout.splitlines()
    for board in BOARDS.values():
        assert f"  {board.name:<14}  {board.boards}" in lines
