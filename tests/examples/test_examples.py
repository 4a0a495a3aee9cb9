"""Every program in examples/ runs as its docstring says, each in a process of its own."""

import ast
import csv
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT

from fmnist_benchmarks.photos.rendering import render
from fmnist_runtime.data.dataset import Split

EXAMPLES = ROOT / "examples"


def run(program: str, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / program, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture
def photos(test_split: Split, tmp_path: Path) -> Path:
    """A folder with photos of an ankle boot, a pullover and trousers, and a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(render(test_split.images[number], np.random.default_rng(number)))
    (folder / "notes.txt").write_text("boot, pullover, trousers")
    return folder


def test_every_example_says_in_two_lines_what_it_does_and_how_it_is_run() -> None:
    programs = sorted(EXAMPLES.glob("*.py"))
    assert len(programs) == 5
    for path in programs:
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert len(docstring.splitlines()) == 2, path
        assert docstring.splitlines()[1].startswith(f"Run: python examples/{path.name} ")


def test_classify_file(photos: Path) -> None:
    result = run("classify_file.py", photos / "0.jpg", folder=photos)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(r"Ankle boot +\d+\.\d%", lines[0])


def test_classify_folder(photos: Path) -> None:
    result = run("classify_folder.py", photos, folder=photos)
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["class"] for row in rows] == ["Ankle boot", "Pullover", "Trouser"]
    assert [Path(row["file"]).name for row in rows] == ["0.jpg", "1.jpg", "2.jpg"]
    assert all(0 < float(row["score"]) <= 1 for row in rows)
    assert "notes.txt: not a readable image" in result.stderr
    assert "1 Pullover" in result.stderr


@pytest.mark.parametrize("kind", ["frames of the data set", "photos"])
def test_camera_loop(kind: str, test_split: Split, photos: Path) -> None:
    """No camera here: the frames are those of the data set, or photos rendered from them, with an empty one between."""
    if kind == "photos":
        from PIL import Image

        pictures = [np.asarray(Image.open(photos / f"{number}.jpg").convert("RGB")) for number in range(3)]
        empty = np.full_like(pictures[0], 200)
    else:
        pictures, empty = list(test_split.images[:3]), test_split.images[0]
    boot, pullover, trousers = pictures
    np.save(photos / "frames.npy", np.stack([boot, boot, empty, pullover, pullover, trousers]))
    result = run("camera_loop.py", photos / "frames.npy", folder=photos)
    assert result.returncode == 0, result.stderr
    seen = [re.match(r"frame (\d): ([\w ]+?) \d+\.\d%, \d+\.\d ms$", line) for line in result.stdout.splitlines()]
    assert [(match[1], match[2]) for match in seen if match] == [
        ("0", "Ankle boot"),
        ("3", "Pullover"),
        ("5", "Trouser"),
    ]
    assert all(seen)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Path]:
    """A Unix socket whose first client is answered by the real program, which systemd starts on a board."""
    program = "import sys; from fmnist_deploy.target.connection import main; sys.exit(main(['--model', 'mlp']))"
    children: list[subprocess.Popen[bytes]] = []
    path = tmp_path / "socket"

    def accept(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client:
            children.append(subprocess.Popen([sys.executable, "-c", program], stdin=client, stdout=client))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        yield path
    thread.join(timeout=10)
    assert [child.wait(timeout=60) for child in children] == [0]


def test_socket_client(service: Path, photos: Path) -> None:
    result = run("socket_client.py", service, *(photos / f"{number}.jpg" for number in range(3)), folder=photos)
    assert result.returncode == 0, result.stderr
    answers = [re.fullmatch(r"(.+): ([\w ]+) \d+\.\d%", line) for line in result.stdout.splitlines()]
    assert [answer[2] for answer in answers if answer] == ["Ankle boot", "Pullover", "Trouser"]


@pytest.mark.slow
def test_own_model(tmp_path: Path) -> None:
    result = run("own_model.py", tmp_path / "mine", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    record = json.loads((tmp_path / "mine" / "training.json").read_text())
    assert record["settings"]["model"] == f"{EXAMPLES / 'own_model.py'}:build"
    assert record["settings"]["epochs"] == 1
    assert record["results"]["test_accuracy"] > 0.7
    assert (tmp_path / "mine" / "model-int8.tflite").exists()
    assert "\npassed: " in result.stdout


@pytest.mark.slow
def test_the_notebook_runs_from_data_to_tflite(tmp_path: Path) -> None:
    """Its cells in their order, in one process, without Jupyter."""
    notebook = json.loads((EXAMPLES / "tutorial.ipynb").read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells), "outputs are cleared"
    program = "\n\n".join("".join(cell["source"]) for cell in cells)
    (tmp_path / "tutorial.py").write_text(program)
    result = subprocess.run(
        [sys.executable, "tutorial.py"],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    accuracy = re.search(r"^test accuracy (0\.\d{4})$", result.stdout, re.MULTILINE)
    # The tutorial's model gives 0.866 to 0.877 by seed; far outside of it something is broken.
    assert accuracy
    assert 0.85 < float(accuracy[1]) < 0.9
    assert "Ankle boot" in result.stdout
    assert "\npassed: " in result.stdout
    names = ("tutorial-float32.tflite", "tutorial-int8.tflite", "tutorial-golden.npz", "report.html")
    assert all((tmp_path / name).stat().st_size > 10_000 for name in names)
