"""The machine that this runs on, from Linux's /proc and /sys; a fact that is unavailable is None or empty.

It changes no setting of the machine.

Sources: Documentation/devicetree (proc/device-tree/model), Documentation/admin-guide/pm/cpufreq.rst (scaling_governor),
Documentation/driver-api/thermal (thermal_zone*/temp, thousandths of a degree) and Documentation/hwmon of
raspberrypi-hwmon (in0_lcrit_alarm: under-voltage) in the Linux kernel; `vcgencmd get_throttled` in the Raspberry Pi
documentation.
"""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Instruction sets that TFLite's kernels use; the rest of a flags line says nothing about speed.
_FEATURES = (
    *("neon", "asimd", "asimddp", "fphp", "asimdhp", "i8mm", "bf16", "sve"),
    *("sse4_1", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni"),
)

# The bits of `vcgencmd get_throttled`: 0 to 3 now, 16 to 19 since the start.
_THROTTLED = {
    0: "under-voltage now",
    1: "frequency capped now",
    2: "throttled now",
    3: "too hot now",
    16: "under-voltage since the start",
    17: "frequency capped since the start",
    18: "throttled since the start",
    19: "too hot since the start",
}


@dataclass(frozen=True)
class Board:
    """A machine: `name` is the device tree's model, `celsius` the hottest thermal zone, `load` of the last minute.

    `throttled` says what slows the machine. It is None where the system does not report it, and empty where the system
    reports that nothing does.
    """

    name: str | None
    machine: str
    cpu: str
    cores: int
    features: tuple[str, ...]
    governor: str | None
    celsius: float | None
    throttled: tuple[str, ...] | None
    load: float | None


def read(root: Path = Path("/")) -> Board:
    """The machine as `root`, the folder of proc and sys, shows it."""
    cpuinfo = _text(root / "proc/cpuinfo") or ""
    return Board(
        name=_text(root / "proc/device-tree/model"),
        machine=platform.machine(),
        cpu=_field(cpuinfo, "model name") or _field(cpuinfo, "Hardware") or platform.machine(),
        cores=os.cpu_count() or 1,
        features=_features(cpuinfo),
        governor=_text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        celsius=_celsius(root),
        throttled=_throttled(root),
        load=_load(root),
    )


def title(root: Path = Path("/")) -> str:
    """The board's name, if the kernel knows it, and the architecture, such as "Raspberry Pi 4 Model B, aarch64"."""
    return ", ".join(part for part in (_text(root / "proc/device-tree/model"), platform.machine()) if part)


def throttling(bits: int) -> tuple[str, ...]:
    """The conditions in `bits`, the number that `vcgencmd get_throttled` reports, in words."""
    return tuple(words for bit, words in _THROTTLED.items() if bits >> bit & 1)


def advice(board: Board) -> list[str]:
    """What to do about a slow or throttled machine, one sentence each; empty where nothing is wrong."""
    found = []
    if board.governor in ("powersave", "conservative"):
        found.append(
            f"the CPU governor is {board.governor}; for steady latency run: "
            f"echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        )
    if board.throttled and any(words.startswith("under-voltage") for words in board.throttled):
        found.append("the power supply is too weak; use the board's own, and a short cable")
    if board.throttled and any(not words.startswith("under-voltage") for words in board.throttled):
        found.append("the board has slowed itself down; cool it (heat sink, fan) before trusting a latency")
    if board.celsius is not None and board.celsius >= 80:
        found.append(f"the processor is at {board.celsius:.0f} °C and slows down above 80; cool it")
    return found


def _features(cpuinfo: str) -> tuple[str, ...]:
    words = set((_field(cpuinfo, "Features") or _field(cpuinfo, "flags") or "").split())
    return tuple(name for name in _FEATURES if name in words)


def _celsius(root: Path) -> float | None:
    found = []
    for path in (root / "sys/class/thermal").glob("thermal_zone*/temp"):
        text = _text(path)
        if text and text.lstrip("-").isdigit():
            found.append(int(text) / 1000)
    return max(found, default=None)


def _throttled(root: Path) -> tuple[str, ...] | None:
    if root == Path("/"):
        try:
            output = subprocess.run(
                ["vcgencmd", "get_throttled"], capture_output=True, text=True, timeout=5, check=True
            )
            return throttling(int(output.stdout.strip().removeprefix("throttled="), 16))
        except (OSError, ValueError, subprocess.SubprocessError):
            pass
    alarms = [_text(path) for path in (root / "sys/class/hwmon").glob("hwmon*/in0_lcrit_alarm")]
    if not any(alarms):
        return None
    return ("under-voltage now",) if "1" in alarms else ()


def _load(root: Path) -> float | None:
    words = (_text(root / "proc/loadavg") or "").split()
    try:
        return float(words[0])
    except (IndexError, ValueError):
        return None


def _field(text: str, name: str) -> str | None:
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().rstrip(b"\0\n ").decode("utf-8", "replace").strip() or None
    except OSError:
        return None
