"""Contenders in processes of their own, timed in turns; and programs that run once, with their time and peak memory."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmnist_runtime.errors import FmnistError


class Worker:
    """A process that times one contender on blocks of images. `missing` says why it cannot, else is None."""

    def __init__(self, name: str, model: Path, images: Path, backend: str) -> None:
        command = [sys.executable, "-m", "fmnist_benchmarks.contenders", name, str(model), str(images)]
        self._process = subprocess.Popen(
            [*command, "--backend", backend],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.name = name
        self.missing: str | None = self._answer().get("missing")

    def block(self, first: int, count: int) -> list[int]:
        """The nanoseconds of `count` calls, on the images from number `first` on, beginning anew behind the last."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{first} {count}\n")
        self._process.stdin.flush()
        samples: list[int] = self._answer()
        return samples

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, error = self._process.communicate()
            raise FmnistError(f"{self.name} ended with {self._process.returncode}: {error.strip().splitlines()[-1:]}")
        return json.loads(line)


@dataclass(frozen=True)
class Run:
    """A program that ran once: milliseconds from start to end and on the processor, peak resident memory in KiB."""

    milliseconds: float
    cpu_milliseconds: float
    peak_kib: int


# A process starts with the peak memory of the one that started it, so a small one does it, without site and numpy.
_STARTER = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
elapsed = time.perf_counter() - start
process.returncode = os.waitstatus_to_exitcode(status)
print(process.returncode, elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""


def run_once(command: list[str]) -> Run:
    """Run `command` and measure it. Raises FmnistError where it fails."""
    starter = [sys.executable, "-S", "-E", "-c", _STARTER]
    output = subprocess.run([*starter, *command], capture_output=True, text=True, check=True).stdout
    code, seconds, cpu_seconds, peak = output.split()
    if int(code) != 0:
        raise FmnistError(f"{' '.join(command)} ended with {code}; run it by hand to see why")
    return Run(float(seconds) * 1000, float(cpu_seconds) * 1000, int(peak))
