"""What a measurement depends on besides the code: frequency, temperature, throttling and other work.

Read before and after it, so that changes are seen.

Sources: Documentation/admin-guide/pm/cpufreq.rst (scaling_cur_freq, kHz) and Documentation/filesystems/proc.rst
(/proc/stat, whose first line counts each kind of processor time in clock ticks) in the Linux kernel.
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from fmnist_runtime.device import board

# Beyond these limits a result is doubtful.
MOST_DRIFT = 0.05
_MOST_OTHER_CORES = 0.2
_MOST_STOLEN = 0.01
_HOT = 80.0
_LEAST_RUNS = 1000
_MOST_CLOCK_SHARE = 0.05


@dataclass(frozen=True)
class Conditions:
    """The conditions at one moment; None for what the system does not report.

    `mhz` is the frequency of the first processor, `load` the system's load average. `busy` and `stolen` are processor
    seconds since the machine started, `own` those of this process and of its children that have ended, `seconds` is
    the clock.
    """

    governor: str | None
    mhz: float | None
    celsius: float | None
    throttled: tuple[str, ...] | None
    load: float | None
    busy: float | None
    stolen: float | None
    own: float
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The facts that mean something without a second moment to compare with."""
        counters = ("busy", "stolen", "own", "seconds")
        return {name: value for name, value in asdict(self).items() if name not in counters}


def read(root: Path = Path("/")) -> Conditions:
    """The conditions now; `root` holds proc and sys."""
    found, times, processor = board.read(root), os.times(), _processor_seconds(root)
    return Conditions(
        governor=found.governor,
        mhz=_mhz(root),
        celsius=found.celsius,
        throttled=found.throttled,
        load=found.load,
        busy=processor[0] if processor else None,
        stolen=processor[1] if processor else None,
        own=times.user + times.system + times.children_user + times.children_system,
        seconds=perf_counter(),
    )


def other_cores(before: Conditions, after: Conditions) -> float | None:
    """How many cores other processes kept busy between the two moments; None where unknown."""
    if before.busy is None or after.busy is None:
        return None
    other = (after.busy - before.busy) - (after.own - before.own)
    return max(other, 0.0) / max(after.seconds - before.seconds, 1e-9)


def warnings(before: Conditions, after: Conditions, threads: int, cores: int) -> list[str]:
    """Why the results are doubtful, a sentence each, with what to do; `threads` is the most that were used."""
    found = []
    if after.governor not in (None, "performance"):
        found.append(
            f"the CPU governor is {after.governor} and not performance; run: "
            f"echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        )
    if after.throttled:
        found.append(f"the board reports {', '.join(after.throttled)}; check its power supply and its cooling")
    hottest = max((one.celsius for one in (before, after) if one.celsius is not None), default=0.0)
    if hottest >= _HOT:
        found.append(f"the processor was at {hottest:.0f} °C and throttles from {_HOT:.0f} °C; cool it")
    if before.mhz and after.mhz and abs(after.mhz / before.mhz - 1) > MOST_DRIFT and after.governor != "performance":
        found.append(f"the frequency went from {before.mhz:.0f} to {after.mhz:.0f} MHz; fix it while measuring")
    others = other_cores(before, after)
    if others is not None and others > _MOST_OTHER_CORES:
        found.append(f"other processes kept {others:.1f} of {cores} cores busy; stop them and measure again")
    if before.stolen is not None and after.stolen is not None:
        share = (after.stolen - before.stolen) / max(after.seconds - before.seconds, 1e-9)
        if share > _MOST_STOLEN:
            found.append(f"the host took {share:.0%} of a core from this virtual machine; measure on a quiet one")
    too_many = thread_warning(threads, cores)
    return [*found, too_many] if too_many else found


def thread_warning(threads: int, cores: int) -> str | None:
    """The warning for more threads than cores; None where there are enough cores."""
    if threads <= cores:
        return None
    return f"{threads} threads on {cores} core{'s' * (cores > 1)} wait for each other; use --threads {cores} at most"


def result_warnings(result: dict[str, Any], clock_ns: float) -> list[str]:
    """What is doubtful about one result of fmnist-benchmark, a sentence each; `clock_ns` is the cost of the clock."""
    found = []
    name = f"{result['model']} with {result['threads']} thread{'s' * (result['threads'] > 1)}"
    for figure in ("invoke_us", "classify_us"):
        if abs(result[figure]["drift"]) > MOST_DRIFT:
            found.append(f"{name}: {figure} drifted by {result[figure]['drift']:+.1%} from the first to the last tenth")
    if result["runs"] < _LEAST_RUNS:
        found.append(f"{name}: {result['runs']} runs are few; p99 needs {_LEAST_RUNS:,} or more")
    if clock_ns / 1000 > _MOST_CLOCK_SHARE * result["invoke_us"]["p50"]:
        found.append(
            f"{name}: reading the clock costs {clock_ns:.0f} ns, a large part of {result['invoke_us']['p50']:.1f} us"
        )
    return found


def _mhz(root: Path) -> float | None:
    try:
        text = (root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").read_text()
        return float(text) / 1000
    except (OSError, ValueError):
        pass
    try:
        for line in (root / "proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("cpu MHz"):
                return float(line.partition(":")[2])
    except (OSError, ValueError):
        pass
    return None


def _processor_seconds(root: Path) -> tuple[float, float] | None:
    """Seconds that all processors worked, and seconds that the host took from this virtual machine."""
    try:
        words = (root / "proc/stat").read_text().split("\n", 1)[0].split()
        user, nice, system, _idle, _iowait, irq, softirq, steal = (int(word) for word in words[1:9])
    except (OSError, ValueError):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / ticks, steal / ticks
