"""From instructions to microseconds: an estimate, not a measurement.

Clock: Raspberry Pi's product pages. Instructions per cycle: a wide range on purpose, from code that waits for memory
half of the time to nearly the most that the core can issue (Cortex-A53: 2, in order; A72: 3 and A76: 4, out of order;
Arm's Technical Reference Manuals). The models fit the second-level cache of all these boards, if barely: float32 has
410 KB of the 512 on a Zero 2 W and a Pi 3. The work of Python and numpy around the invoke is not included.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Core:
    """A board: its processor as qemu calls it, its clock in MHz, and instructions per cycle, lowest and highest."""

    board: str
    cpu: str
    megahertz: int
    lowest: float
    highest: float


CORES = (
    Core("Pi Zero 2 W", "cortex-a53", 1000, 0.5, 1.6),
    Core("Pi 3 B+", "cortex-a53", 1400, 0.5, 1.6),
    Core("Pi 4", "cortex-a72", 1800, 0.8, 2.4),
    Core("Pi 5", "cortex-a76", 2400, 1.0, 3.2),
)


def microseconds(instructions: float, core: Core) -> tuple[float, float]:
    """The shortest and the longest time that `instructions` would take on `core`."""
    return instructions / (core.megahertz * core.highest), instructions / (core.megahertz * core.lowest)
