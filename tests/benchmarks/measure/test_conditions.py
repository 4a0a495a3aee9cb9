"""The conditions in /proc and /sys, on files like those of a Raspberry Pi, and the warnings about them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from system_files import write_files

from fmnist_benchmarks.measure import conditions
from fmnist_benchmarks.measure.conditions import Conditions

QUIET = Conditions("performance", 1500.0, 50.0, (), 0.1, busy=10.0, stolen=0.0, own=5.0, seconds=100.0)
RESULT: dict[str, Any] = {
    "model": "a.tflite",
    "threads": 1,
    "runs": 6000,
    "invoke_us": {"p50": 10.0, "drift": 0.0},
    "classify_us": {"p50": 12.0, "drift": 0.01},
}


def test_a_pi_is_read(tmp_path: Path) -> None:
    files = {
        "proc/stat": "cpu  100 50 30 9000 7 10 10 400 0 0\ncpu0 1 2 3\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1800000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    }
    found = conditions.read(write_files(tmp_path, files))
    assert (found.mhz, found.governor, found.busy, found.stolen) == (1800.0, "ondemand", 2.0, 4.0)
    assert found.own > 0


def test_a_machine_that_reports_nothing(tmp_path: Path) -> None:
    found = conditions.read(tmp_path)
    assert (found.mhz, found.governor, found.busy, found.stolen) == (None, None, None, None)
    assert conditions.other_cores(found, found) is None
    assert conditions.warnings(found, found, 1, 4) == []


def test_the_frequency_of_a_pc_is_in_cpuinfo(tmp_path: Path) -> None:
    assert (
        conditions.read(write_files(tmp_path, {"proc/cpuinfo": "processor\t: 0\ncpu MHz\t\t: 2596.1\n"})).mhz == 2596.1
    )


def test_other_cores_leave_out_this_process_and_its_children() -> None:
    after = replace(QUIET, busy=25.0, own=15.0, seconds=110.0)
    assert conditions.other_cores(QUIET, after) == pytest.approx(0.5)
    assert conditions.other_cores(QUIET, replace(after, own=21.0)) == 0


LATER = replace(QUIET, seconds=110.0)


@pytest.mark.parametrize(
    ("before", "after", "threads", "words"),
    [
        (QUIET, replace(LATER, governor="ondemand"), 1, "governor is ondemand and not performance"),
        (QUIET, replace(LATER, throttled=("throttled now",)), 1, "throttled now"),
        (replace(QUIET, celsius=81.0), LATER, 1, "81 °C"),
        (QUIET, replace(LATER, busy=20.0), 1, "other processes kept 1.0 of 4 cores busy"),
        (QUIET, replace(LATER, stolen=1.0), 1, "took 10% of a core"),
        (replace(QUIET, governor=None), replace(LATER, governor=None, mhz=1000.0), 1, "from 1500 to 1000 MHz"),
        (QUIET, LATER, 8, "8 threads on 4 cores"),
    ],
)
def test_what_disturbs_a_measurement_is_a_warning(
    before: Conditions, after: Conditions, threads: int, words: str
) -> None:
    (warning,) = conditions.warnings(before, after, threads, 4)
    assert words in warning


def test_a_quiet_machine_has_no_warnings() -> None:
    assert conditions.warnings(QUIET, LATER, 4, 4) == []
    assert conditions.result_warnings(RESULT, 50) == []


@pytest.mark.parametrize(
    ("change", "clock", "words"),
    [
        ({"classify_us": {"p50": 12.0, "drift": -0.06}}, 50, "classify_us drifted by -6.0%"),
        ({"runs": 999}, 50, "999 runs are few"),
        ({}, 600, "reading the clock costs 600 ns"),
    ],
)
def test_a_doubtful_result_has_a_warning(change: dict[str, Any], clock: float, words: str) -> None:
    (warning,) = conditions.result_warnings({**RESULT, **change}, clock)
    assert words in warning
