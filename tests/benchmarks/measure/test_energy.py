"""Energy from the machine's counters, on files like those of the kernel."""

from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from system_files import write_files

from fmnist_benchmarks.measure import energy, rounds, subject
from fmnist_runtime.model import shipped
from fmnist_runtime.model.golden import read


def test_rapl_counts_joules_and_wraps_around(tmp_path: Path) -> None:
    folder = "sys/class/powercap/intel-rapl:0"
    root = write_files(tmp_path, {f"{folder}/energy_uj": "9000000\n", f"{folder}/max_energy_range_uj": "10000000\n"})
    counter, why = energy.find_counter(root)
    assert counter is not None
    assert "RAPL" in why
    meter = energy.Meter(counter)
    (root / folder / "energy_uj").write_text("9500000")
    assert meter.update() == pytest.approx(0.5)
    (root / folder / "energy_uj").write_text("500000")
    assert meter.update() == pytest.approx(1.5)


def test_a_sensor_of_power_is_integrated_over_time(tmp_path: Path) -> None:
    root = write_files(
        tmp_path, {"sys/class/hwmon/hwmon2/name": "ina219\n", "sys/class/hwmon/hwmon2/power1_input": "3000000\n"}
    )
    write_files(root, {"sys/class/hwmon/hwmon1/name": "amdgpu\n", "sys/class/hwmon/hwmon1/power1_input": "99000000\n"})
    counter, why = energy.find_counter(root)
    assert counter is not None
    assert "ina219" in why
    started = perf_counter()
    meter = energy.Meter(counter)
    joules = meter.update()
    assert 0 <= joules <= 3 * (perf_counter() - started)
    assert meter.update() > joules


def test_the_energy_of_an_image_is_the_sensors_power_by_the_time_it_takes(tmp_path: Path) -> None:
    """A real process classifies, next to a sensor that always shows 3 W."""
    hwmon = "sys/class/hwmon/hwmon2"
    files = {f"{hwmon}/name": "ina219\n", f"{hwmon}/power1_input": "3000000\n"}
    counter, _ = energy.find_counter(write_files(tmp_path, files))
    assert counter is not None
    images = read(shipped.golden_path()).images[:20]
    np.save(tmp_path / "images.npy", images)
    model = subject.examine(shipped.model_path(None), images, 1, "tflite-runtime")
    started = perf_counter()
    found = rounds.measure_energy(model, tmp_path / "images.npy", rounds.Settings(warm_up=10), counter)
    elapsed = perf_counter() - started
    # The meter runs at least as long as the process classifies, at most as long as the whole call: no time is assumed.
    assert 3 <= found["watts"] <= 3 * elapsed / rounds.ENERGY_SECONDS
    calls = found["watts"] * rounds.ENERGY_SECONDS / (found["microjoules"] / 1e6)
    assert 1 < calls < 1e6 * elapsed


def test_a_part_of_the_package_is_not_used(tmp_path: Path) -> None:
    folder = "sys/class/powercap/intel-rapl:0:0"
    root = write_files(tmp_path, {f"{folder}/energy_uj": "1\n", f"{folder}/max_energy_range_uj": "9\n"})
    assert energy.find_counter(root)[0] is None


def test_a_counter_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    root = write_files(tmp_path, {"sys/class/powercap/intel-rapl:0/energy_uj": "1\n"})
    counter, why = energy.find_counter(root)
    assert counter is None
    assert "intel-rapl:0/energy_uj exists but cannot be read" in why


def test_a_machine_without_a_counter_says_why(tmp_path: Path) -> None:
    counter, why = energy.find_counter(tmp_path)
    assert counter is None
    assert "no RAPL" in why
