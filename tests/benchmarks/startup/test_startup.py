"""What a start costs: the benchmarks run and print what they promise, whatever the machine's speed."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from environments import run_python

from fmnist_benchmarks.startup import cold_stages
from fmnist_runtime.data.dataset import Split

PYTHON = Path(sys.executable)


def test_memory_reports_its_growth() -> None:
    result = run_python(PYTHON, "-m", "fmnist_benchmarks.startup.memory", "--calls", 20_000, "--json")
    document = json.loads(result.stdout)
    assert document["calls"] == 20_000
    assert document["kib_grown"] < 1024


def test_cold_start_runs_the_installed_command(base_bin: Path) -> None:
    result = run_python(base_bin / "python", "-m", "fmnist_benchmarks.startup.cold_start", "--runs", 1, "--json")
    assert result.returncode == 0, result.stderr
    programs = [entry["program"] for entry in json.loads(result.stdout)["results"]]
    assert programs == ["smallest script", "fmnist-classify image.npy", "fmnist-classify image.png"]


def test_a_stage_begins_where_the_previous_one_ended() -> None:
    marks = [("Python", 12_000_000), ("import numpy", 100_000_000), ("load", 101_000_000)]
    assert cold_stages.stages_of(2_000_000, marks) == {"Python": 10, "import numpy": 88, "load": 1}


def test_a_cold_start_is_split_into_its_stages() -> None:
    smallest, ours = cold_stages.measure("tflite-runtime", 1)
    for result in (smallest, ours):
        assert sum(stage["ms"] for stage in result["stages"]) == pytest.approx(result["ms"])
        assert all(stage["ms"] >= 0 for stage in result["stages"])
    assert [stage["stage"] for stage in smallest["stages"]] == [
        "Python",
        "import numpy",
        "import interpreter",
        "load",
        "allocate",
        "first invoke",
    ]
    assert ours["stages"][-1]["stage"] == "first answer"


def test_a_plain_png_and_npy_need_no_pillow(base_bin: Path, test_split: Split, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(test_split.images[0]).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", test_split.images[0])
    code = (
        "import sys\nfrom fmnist_runtime.commands.classify import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print([name for name in ('PIL', 'tempfile', 'subprocess', 'multiprocessing') if name in sys.modules])"
    )
    for name in ("a.png", "a.npy"):
        result = run_python(base_bin / "python", "-c", code, tmp_path / name)
        assert "Ankle boot" in result.stdout
        assert result.stdout.endswith("[]\n"), result.stdout
