"""What all commands share: nothing from a file acts on the terminal, and outputs that are closed, full or left."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import BIN, assert_fails, run_command

from fmnist_runtime.commandline import printable
from fmnist_runtime.model import model_file, shipped

EVIL = "\x1b[31m\u202e\x07\x9b2J.png"
SHOWN = r"\x1b[31m\u202e\x07\x9b2J.png"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ankle boot", "Ankle boot"),
        ("Płaszcz \U0001f97e", "Płaszcz \U0001f97e"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\udcff\n\t\x7f\x9b", r"\udcff\n\t\x7f\x9b"),
        ("\U000e0001", r"\U000e0001"),
        ("", ""),
    ],
)
def test_control_characters_are_escaped(text: str, expected: str) -> None:
    assert printable(text) == expected


def evil_model(path: Path) -> Path:
    """The tiny model with labels that hold escape sequences."""
    file = model_file.read(shipped.MODELS_FOLDER / "doctor.tflite")
    assert file.description is not None
    labels = tuple(f"\x1b[3{number}m\u202e{number}" for number in range(10))
    described = model_file.describe(file.flatbuffer, labels, input={"range": [0, 1]})
    path.write_bytes(model_file.pack(file.flatbuffer, labels, described))
    return path


def assert_harmless(result: subprocess.CompletedProcess[str]) -> None:
    """Nothing but printable text and ends of lines came out."""
    assert "Traceback" not in result.stderr
    for line in (*result.stdout.split("\n"), *result.stderr.split("\n")):
        assert line.isprintable(), repr(line)


def test_names_and_labels_are_escaped_on_the_terminal(tmp_path: Path) -> None:
    np.save(tmp_path / "good.npy", np.zeros((28, 28), np.uint8))
    good, bad, folder = tmp_path / f"g{EVIL}", tmp_path / f"b{EVIL}", tmp_path / f"f{EVIL}"
    (tmp_path / "good.npy").rename(good)
    bad.write_bytes(b"hello")
    folder.mkdir()
    (folder / f"x{EVIL}").write_bytes(b"hello")
    (folder / "y.npy").write_bytes(good.read_bytes())
    model = evil_model(tmp_path / f"m{EVIL}.tflite")
    result = run_command("fmnist-classify", good, bad, folder, tmp_path / f"gone{EVIL}", "--model", model, "--top", 10)
    assert result.returncode == 1
    assert_harmless(result)
    for name in ("g", "f"):
        assert f"{tmp_path}/{name}{SHOWN}" in result.stdout
    for name in ("b", "gone"):
        assert f"fmnist-classify: {tmp_path}/{name}{SHOWN}: " in result.stderr
    assert f"x{SHOWN}" in result.stderr
    assert f"m{SHOWN}.tflite on " in result.stderr
    assert all(rf"\x1b[3{number}m\u202e{number}" in result.stdout for number in range(10))
    as_json = run_command("fmnist-classify", good, "--model", model, "--json")
    assert_harmless(as_json)
    assert json.loads(as_json.stdout)["label"] == "\x1b[30m\u202e0"


def _evil_files(folder: Path) -> dict[str, Path]:
    model = evil_model(folder / f"m{EVIL}.tflite")
    bad = folder / f"b{EVIL}"
    bad.write_bytes(b"hello")
    return {"MODEL": model, "BAD": bad, "GONE": folder / f"gone{EVIL}", "DIR": folder}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("fmnist-verify MODEL --golden BAD", 1),
        ("fmnist-verify MODEL --golden GONE", 1),
        ("fmnist-verify BAD", 1),
        ("fmnist-verify MODEL --data GONE", 1),
        ("fmnist-classify --model BAD BAD", 1),
        ("fmnist-classify --model MODEL --raw BAD", 1),
        ("fmnist-classify BAD*", 1),
        ("fmnist-classify --bogusEVIL", 2),
        ("fmnist-benchmark BAD", 1),
        ("fmnist-benchmark MODEL --compare BAD", 1),
        ("fmnist-bundle pi-bookworm-64 --model BAD", 1),
        ("fmnist-bundle EVIL", 1),
        ("fmnist-export MODEL --target EVIL", 2),
        ("fmnist-train --data GONE", 1),
    ],
)
def test_every_commands_errors_are_one_harmless_line(command: str, code: int, tmp_path: Path) -> None:
    files = _evil_files(tmp_path)
    words = []
    for word in command.split():
        name = next((name for name in files if word.startswith(name)), None)
        words.append(str(files[name]) + word[len(name) :] if name else word.replace("EVIL", EVIL))
    result = run_command(*words, cwd=tmp_path)
    assert_harmless(result)
    assert result.returncode == code
    assert sum(line.startswith("fmnist-") for line in result.stderr.splitlines()) == 1, result.stderr


COMMANDS = (
    "fmnist-classify --list-models",
    "fmnist-classify --list-models --json",
    "fmnist-classify IMAGES",
    "fmnist-classify IMAGES --json",
    "fmnist-verify mlp",
    "fmnist-verify mlp --json",
    "fmnist-doctor",
    "fmnist-train --model list",
    "fmnist-bundle --help",
    "fmnist-export --help",
    "fmnist-benchmark --help",
)


def _shell(command: str, images: Path, redirection: str) -> subprocess.CompletedProcess[str]:
    words = command.replace("IMAGES", str(images))
    return subprocess.run(
        ["bash", "-c", f"{BIN}/{words} {redirection}"], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_closed_full_and_abandoned_outputs_give_the_documented_exit_codes(command: str, test_images_file: Path) -> None:
    name = command.split()[0]
    closed = _shell(command, test_images_file, ">&-")
    assert_fails(closed, 1, f"{name}: standard output is closed")
    full = _shell(command, test_images_file, ">/dev/full")
    assert_fails(full, 1, f"{name}: output: No space left on device")
    left = _shell(command, test_images_file, '| true; exit "${PIPESTATUS[0]}"')
    assert left.returncode == 0, left.stderr
    first = _shell(command, test_images_file, '| head -1; exit "${PIPESTATUS[0]}"')
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("\n") == 1
    for result in (closed, full, left, first):
        for words in ("Traceback", "BrokenPipe", "Exception ignored", "lost sys."):
            assert words not in result.stderr
    no_errors = _shell(command, test_images_file, "2>&- | head -1; exit 0")
    assert no_errors.stdout == first.stdout


def test_a_reader_that_leaves_does_not_hide_a_failure(tmp_path: Path, test_images_file: Path) -> None:
    """The exit code is that of the work: a bad image before, a verification that fails."""
    gone = '| true; exit "${PIPESTATUS[0]}"'
    bad = _shell(f"fmnist-classify {tmp_path}/gone.png IMAGES", test_images_file, gone)
    assert_fails(bad, 1, "gone.png")
    model = tmp_path / "plain-int8.tflite"
    file = model_file.read(shipped.model_path("mlp"))
    assert file.labels is not None
    assert file.description is not None
    proofs = [
        {**proof, "golden": {**proof["golden"], "disagreements": 0, "otherwise": ""}}
        for proof in file.description["proofs"]
    ]
    model.write_bytes(model_file.pack(file.flatbuffer, file.labels, {**file.description, "proofs": proofs}))
    command = f"fmnist-verify {model} --golden {shipped.golden_path('mlp')}"
    assert_fails(_shell(command, test_images_file, gone), 1, "do not use it here")
    # Standard error goes where nobody reads, the answers into a file: all of them are there.
    answers = tmp_path / "answers"
    np.save(tmp_path / "stack.npy", np.full((300, 28, 28), 255, np.uint8))
    bad = f"{tmp_path}/gone.png"
    result = _shell(f"fmnist-classify {bad} {bad} {tmp_path}/stack.npy", test_images_file, f"2>&1 >{answers} | true")
    assert result.returncode == 0
    assert answers.read_text().count("\n") == 300
