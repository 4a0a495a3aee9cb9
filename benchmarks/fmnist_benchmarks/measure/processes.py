"""Processes that measure when they are told to, in turns; and programs that run once, with their time and peak memory.

A worker's process says what it is in one line of JSON, then answers each line of text with one line of JSON.
"""

import contextlib
import json
import select
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system import child


class Worker:
    """A process that measures. `ready` is the first thing that it said; `missing` says why it cannot, else is None."""

    def __init__(self, name: str, command: list[str]) -> None:
        # What it prints beside its answers waits in a file: a pipe that nobody reads would fill and stop it.
        self._errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self.name = name
        self.ready: dict[str, Any] = self._answer()
        self.missing: str | None = self.ready.get("missing")

    def ask(self, line: str) -> Any:
        """The answer to `line`. Raises FmnistError where the process has ended."""
        self.tell(line)
        return self._answer()

    def tell(self, line: str) -> None:
        """Send `line` and don't wait for the answer, which `hear` returns."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._answer()  # raises, and says why it ended

    def hear(self) -> Any:
        """The answer to what `tell` sent."""
        return self._answer()

    def waits(self, seconds: float) -> bool:
        """Whether no answer came within `seconds`."""
        assert self._process.stdout is not None
        return not select.select([self._process.stdout.fileno()], [], [], seconds)[0]

    def block(self, first: int, count: int) -> list[int]:
        """The nanoseconds of `count` calls, on the images from number `first` on, beginning anew behind the last."""
        samples: list[int] = self.ask(f"{first} {count}")
        return samples

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
        self._errors.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate()
            self._errors.seek(0)
            words = (self._errors.read().strip().splitlines() or ["it said nothing"])[-1]
            self._errors.close()
            raise FmnistError(f"{self.name} ended with {self._process.returncode}: {words}")
        return json.loads(line)


def contender(name: str, model: Path, images: Path, backend: str) -> Worker:
    """A worker for a key of contenders.CONTENDERS or "bare"."""
    command = [sys.executable, "-m", "fmnist_benchmarks.peers.runners", name, str(model), str(images)]
    return Worker(name, [*command, "--backend", backend])


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
    starter = [*child.python_command(), "-S", "-E", "-c", _STARTER]
    output = subprocess.run([*starter, *command], capture_output=True, text=True, check=True).stdout
    code, seconds, cpu_seconds, peak = output.split()
    if int(code) != 0:
        raise FmnistError(f"{' '.join(command)} ended with {code}; run it by hand to see why")
    return Run(float(seconds) * 1000, float(cpu_seconds) * 1000, int(peak))
