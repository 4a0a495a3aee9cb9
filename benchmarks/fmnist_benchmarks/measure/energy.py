"""Energy by the machine's own counter, where it has one.

Sources: Documentation/power/powercap/powercap.rst (intel-rapl:N/energy_uj, microjoules, which begins anew at
max_energy_range_uj) and Documentation/hwmon/ina2xx.rst (power1_input, microwatts, of an INA219 or INA226 in the supply
line) in the Linux kernel. RAPL counts the processor's package, an INA219 everything behind it.
"""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

_SENSORS = ("ina219", "ina220", "ina226", "ina231", "ina238", "ina3221")


@dataclass(frozen=True)
class Counter:
    """Joules are read from `energy`, or added up from the watts of `power`; one of the two is there.

    `range_joules` is where a counter of energy begins anew.
    """

    name: str
    energy: Path | None
    power: Path | None
    range_joules: float


def find(root: Path = Path("/")) -> tuple[Counter | None, str]:
    """The machine's counter below `root`, or None; and in words which it is, or why there is none."""
    refused = ""
    for path in sorted((root / "sys/class/powercap").glob("intel-rapl:*/energy_uj")):
        if path.parent.name.count(":") == 1:
            try:
                path.read_text()
                range_joules = int((path.parent / "max_energy_range_uj").read_text()) / 1e6
            except (OSError, ValueError) as error:
                refused = f"; {path} is there and cannot be read ({getattr(error, 'strerror', None) or error})"
                continue
            return Counter("RAPL, processor package", path, None, range_joules), "RAPL, processor package"
    for path in sorted((root / "sys/class/hwmon").glob("hwmon*/power1_input")):
        name = _text(path.parent / "name")
        if name in _SENSORS and _text(path):
            return Counter(f"{name}, supply line", None, path, 0.0), f"{name}, supply line"
    return None, f"no RAPL in /sys/class/powercap and no INA2xx in /sys/class/hwmon{refused}"


class Meter:
    """Adds up the joules from its making on, each time that `look` is called."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._at = perf_counter()
        self._last = self._value()
        self.joules = 0.0

    def look(self) -> float:
        """The joules so far. A counter of energy wants a look before it begins anew, a sensor of power many."""
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
