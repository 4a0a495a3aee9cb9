from pathlib import Path

import pytest

from fmnist_runtime.device import board
from fmnist_runtime.device.board import Board


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """What a Raspberry Pi 4 shows in /proc and /sys."""
    files = {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\n\nHardware\t: BCM2835\n",
        "proc/loadavg": "0.42 0.30 0.20 1/200 1234\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
        "sys/class/thermal/thermal_zone0/temp": "48686\n",
        "sys/class/thermal/thermal_zone1/temp": "81200\n",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_facts_of_a_pi_are_read(pi: Path) -> None:
    found = board.read(pi)
    assert found.name == "Raspberry Pi 4 Model B Rev 1.4"
    assert found.cpu == "BCM2835"
    assert found.features == ("asimd",)
    assert (found.governor, found.celsius, found.load) == ("powersave", 81.2, 0.42)
    assert found.throttled == ("under-voltage now",)
    advice = " ".join(board.advice(found))
    for words in ("scaling_governor", "power supply", "81 °C"):
        assert words in advice


def test_a_machine_that_shows_nothing_gives_empty_facts(tmp_path: Path) -> None:
    found = board.read(tmp_path)
    assert (found.name, found.features, found.governor, found.celsius, found.throttled) == (None, (), None, None, None)
    assert board.advice(found) == []


def test_this_machine_is_read() -> None:
    assert isinstance(board.read(), Board)
    assert board.read().cores >= 1


def test_the_bits_of_get_throttled_become_words() -> None:
    """The example of the Raspberry Pi documentation: 0x50000 is under-voltage and throttling in the past."""
    assert board.throttling(0x50000) == ("under-voltage since the start", "throttled since the start")
    assert board.throttling(0) == ()
    assert board.throttling(0x5) == ("under-voltage now", "throttled now")
