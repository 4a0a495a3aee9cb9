"""What /proc and /sys say, on files as a Raspberry Pi has them, and what is warned about."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fmnist_benchmarks.measure import conditions, energy, rounds
from fmnist_benchmarks.measure.conditions import Conditions
from fmnist_runtime.model import shipped
from fmnist_runtime.model.golden import read

QUIET = Conditions("performance", 1500.0, 50.0, (), 0.1, busy=10.0, stolen=0.0, own=5.0, seconds=100.0)
RESULT: dict[str, Any] = {
    "model": "a.tflite",
    "threads": 1,
    "runs": 6000,
    "invoke_us": {"p50": 10.0, "drift": 0.0},
    "classify_us": {"p50": 12.0, "drift": 0.01},
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_pi_is_read(tmp_path: Path) -> None:
    files = {
        "proc/stat": "cpu  100 50 30 9000 7 10 10 400 0 0\ncpu0 1 2 3\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1800000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    }
    found = conditions.read(write(tmp_path, files))
    assert (found.mhz, found.governor, found.busy, found.stolen) == (1800.0, "ondemand", 2.0, 4.0)
    assert found.own > 0


def test_a_machine_that_shows_nothing(tmp_path: Path) -> None:
    found = conditions.read(tmp_path)
    assert (found.mhz, found.governor, found.busy, found.stolen) == (None, None, None, None)
    assert conditions.other_cores(found, found) is None
    assert conditions.warnings(found, found, 1, 4) == []


def test_a_pc_tells_its_frequency_in_cpuinfo(tmp_path: Path) -> None:
    assert conditions.read(write(tmp_path, {"proc/cpuinfo": "processor\t: 0\ncpu MHz\t\t: 2596.1\n"})).mhz == 2596.1


def test_the_work_of_others_is_what_neither_we_nor_our_children_did() -> None:
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
def test_what_spoils_a_measurement_is_said(before: Conditions, after: Conditions, threads: int, words: str) -> None:
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
def test_what_is_doubtful_about_a_result_is_said(change: dict[str, Any], clock: float, words: str) -> None:
    (warning,) = conditions.result_warnings({**RESULT, **change}, clock)
    assert words in warning


def test_rapl_counts_joules_and_begins_anew(tmp_path: Path) -> None:
    folder = "sys/class/powercap/intel-rapl:0"
    root = write(tmp_path, {f"{folder}/energy_uj": "9000000\n", f"{folder}/max_energy_range_uj": "10000000\n"})
    counter, why = energy.find(root)
    assert counter is not None
    assert "RAPL" in why
    meter = energy.Meter(counter)
    (root / folder / "energy_uj").write_text("9500000")
    assert meter.look() == pytest.approx(0.5)
    (root / folder / "energy_uj").write_text("500000")
    assert meter.look() == pytest.approx(1.5)


def test_a_sensor_of_power_is_added_up_over_time(tmp_path: Path) -> None:
    root = write(
        tmp_path, {"sys/class/hwmon/hwmon2/name": "ina219\n", "sys/class/hwmon/hwmon2/power1_input": "3000000\n"}
    )
    write(root, {"sys/class/hwmon/hwmon1/name": "amdgpu\n", "sys/class/hwmon/hwmon1/power1_input": "99000000\n"})
    counter, why = energy.find(root)
    assert counter is not None
    assert "ina219" in why
    meter = energy.Meter(counter)
    joules = meter.look()
    assert 0 <= joules < 3
    assert meter.look() > joules


def test_the_energy_of_an_image_is_the_sensors_power_by_the_time_it_takes(tmp_path: Path) -> None:
    """A real process classifies, beside a sensor that shows 3 W all the time."""
    hwmon = "sys/class/hwmon/hwmon2"
    counter, _ = energy.find(write(tmp_path, {f"{hwmon}/name": "ina219\n", f"{hwmon}/power1_input": "3000000\n"}))
    assert counter is not None
    images = read(shipped.golden_path()).images[:20]
    np.save(tmp_path / "images.npy", images)
    subject = rounds.examine(shipped.model_path(None), images, 1, "tflite-runtime")
    started = time.perf_counter()
    found = rounds.measure_energy(subject, tmp_path / "images.npy", rounds.Settings(warm_up=10), counter)
    elapsed = time.perf_counter() - started
    # The meter runs from before the work until after it: by a moment longer, or by more on a busy machine.
    assert 3 <= found["watts"] <= 3 * elapsed / rounds._ENERGY_SECONDS
    assert 0 < found["microjoules"] < 3e6


def test_a_part_of_the_package_is_not_taken_for_it(tmp_path: Path) -> None:
    folder = "sys/class/powercap/intel-rapl:0:0"
    root = write(tmp_path, {f"{folder}/energy_uj": "1\n", f"{folder}/max_energy_range_uj": "9\n"})
    assert energy.find(root)[0] is None


def test_a_counter_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, {"sys/class/powercap/intel-rapl:0/energy_uj": "1\n"})
    counter, why = energy.find(root)
    assert counter is None
    assert "intel-rapl:0/energy_uj is there and cannot be read" in why


def test_a_machine_without_a_counter_says_why(tmp_path: Path) -> None:
    counter, why = energy.find(tmp_path)
    assert counter is None
    assert "no RAPL" in why
