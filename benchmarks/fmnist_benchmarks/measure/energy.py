"""Energy by the machine's own counter, where it has one.

Sources: Documentation/power/powercap/powercap.rst (intel-rapl:N/energy_uj, microjoules, which wraps around at
max_energy_range_uj) and Documentation/hwmon/ina2xx.rst (power1_input, microwatts, of an INA219 or INA226 in the supply
line) in the Linux kernel. RAPL counts the processor's package, an INA219 everything behind it.
"""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

_SENSORS = ("ina219", "ina220", "ina226", "ina231", "ina238", "ina3221")


@dataclass(frozen=True)
class Counter:
    """A file to read joules from, `energy`, or watts to integrate, `power`; the other of the two is None.

    `range_joules` is where a counter of energy wraps around.
    """

    name: str
    energy: Path | None
    power: Path | None
    range_joules: float


def find_counter(root: Path = Path("/")) -> tuple[Counter | None, str]:
    """The machine's counter below `root` (which holds sys) or None, and a description of it or why there is none."""
    refused = ""
    for path in sorted((root / "sys/class/powercap").glob("intel-rapl:*/energy_uj")):
        if path.parent.name.count(":") == 1:
            try:
                path.read_text()
                range_joules = int((path.parent / "max_energy_range_uj").read_text()) / 1e6
            except (OSError, ValueError) as error:
                refused = f"; {path} exists but cannot be read ({getattr(error, 'strerror', None) or error})"
                continue
            return Counter("RAPL, processor package", path, None, range_joules), "RAPL, processor package"
    for path in sorted((root / "sys/class/hwmon").glob("hwmon*/power1_input")):
        name = _text(path.parent / "name")
        if name in _SENSORS and _text(path):
            return Counter(f"{name}, supply line", None, path, 0.0), f"{name}, supply line"
    return None, f"no RAPL in /sys/class/powercap and no INA2xx in /sys/class/hwmon{refused}"


class Meter:
    """Adds up the joules since it was made, each time that `update` is called."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._at = perf_counter()
        self._last = self._value()
        self.joules = 0.0

    def update(self) -> float:
        """Read the counter; the joules so far.

        Call it at least once before a counter of energy wraps around, and often for a sensor of power.
        """
        now, value = perf_counter(), self._value()
        if self._counter.energy:
            step = value - self._last
            self.joules += step if step >= 0 else step + self._counter.range_joules
        else:
            self.joules += (self._last + value) / 2 * (now - self._at)
        self._at, self._last = now, value
        return self.joules

    def _value(self) -> float:
        path = self._counter.energy or self._counter.power
        assert path is not None
        return int(path.read_text()) / 1e6


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
