"""Counting on lines whose sum is plain, the plugin through a real compiler, and the estimate's arithmetic."""

import subprocess
from pathlib import Path

import machine
import pytest

from fmnist_deploy.instructions import counting, estimate

_MAPS = [
    "1000-2000 r-xp 00000000 00:00 0 /x/tflite_runtime/_pywrap.so",
    "2000-3000 r-xp 00000000 00:00 0 /x/numpy/core.so",
    "5000-6000 r-xp 00000000 00:00 0 /x/ai_edge_litert/libpywrap.so",
]


def test_only_blocks_inside_the_runtime_are_counted() -> None:
    blocks = ["1000 3 10", "1fff 1 1", "2000 100 100", "5800 7 2", "9000 5 5"]
    assert counting.instructions_inside(blocks, _MAPS) == 30 + 1 + 14


@pytest.mark.host
def test_the_plugin_compiles_without_warnings(tmp_path: Path) -> None:
    compiler = machine.program("gcc", package="gcc libc6-dev")
    goal = tmp_path / "plugin.so"
    warnings = ["-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *warnings, "-shared", "-fPIC", "-O2", "-o", goal, counting.SOURCE], check=True)
    assert goal.stat().st_size > 0


def test_an_estimate_is_a_range_by_clock_and_instructions_per_cycle() -> None:
    core = estimate.Core("x", "cortex-a53", 1000, 0.5, 2.0)
    assert estimate.microseconds(100_000, core) == (50.0, 200.0)
