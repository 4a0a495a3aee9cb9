"""All four measurements of scaling are made, with their limits; how fast they are is not tested."""

import json
import sys
from pathlib import Path

import pytest
from environments import run_python

from fmnist_benchmarks.scaling import roofline

PYTHON = Path(sys.executable)


def test_the_limits_of_a_machine_are_plausible() -> None:
    assert roofline.multiply_adds_per_second() > 1e7
    assert roofline.bytes_per_second(100_000) > 1e7


@pytest.mark.slow
def test_scaling_measures_all_four_with_their_limits(tmp_path: Path) -> None:
    # One small block: with more threads than idle cores, each call may wait for the others for milliseconds.
    options = ("--most-images", 10, "--hidden", "3,16", "--most-threads", 2, "--rounds", 1, "--block", 10)
    outputs = ("--plot", tmp_path / "scaling.png", "--json")
    result = run_python(PYTHON, "-m", "fmnist_benchmarks.scaling", *options, *outputs)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert [one["images"] for one in document["images"]] == [1, 10]
    assert [(one["model"], one["multiply_adds"]) for one in document["sizes"]] == [
        ("mlp3-float32.tflite", 3 * 794),
        ("mlp16-float32.tflite", 16 * 794),
        ("mlp3-int8.tflite", 3 * 794),
        ("mlp16-int8.tflite", 16 * 794),
    ]
    assert all(one["limit_us"] > 0 for one in document["sizes"])
    assert [one["threads"] for one in document["threads"]] == [1, 2, 1, 2]
    assert [one["processes"] for one in document["processes"]] == [1, 2]
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")
