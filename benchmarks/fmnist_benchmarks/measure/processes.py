"""Processes that measure on request, in turns; and programs that run once, with their time and peak memory.

A worker's process greets with one line of JSON, then answers each line of text with one line of JSON.
"""

import contextlib
import json
import select
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Any

from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system import child


class Worker:
    """A process that measures.

    `greeting` is the first thing that it says; `unavailable` says why it cannot measure, None where it can.
    """

    def __init__(self, name: str, command: list[str]) -> None:
        # What it prints on standard error waits in a file: a pipe that nobody reads would fill and stop it.
        self._errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            # A terminal's Ctrl-C goes to this process alone, which decides what becomes of the workers.
            start_new_session=True,
        )
        self.name = name
        try:
            self.greeting: dict[str, Any] = self.receive()
        except BaseException:
            self.close()
            raise
        self.unavailable: str | None = self.greeting.get("unavailable")

    def request(self, line: str) -> Any:
        """Send `line` and return the answer. Raises FmnistError where the process has ended."""
        self.send(line)
        return self.receive()

    def send(self, line: str) -> None:
        """Send `line` without waiting for the answer, which `receive` returns."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self.receive()  # raises, with the reason why it ended

    def receive(self) -> Any:
        """The next answer. Raises FmnistError where the process has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise FmnistError(f"{self.name} ended with {self._process.wait()}: {self._last_error_line()}")
        return json.loads(line)

    def is_busy(self, seconds: float) -> bool:
        """Wait at most `seconds` for an answer; True where none has come."""
        assert self._process.stdout is not None
        return not select.select([self._process.stdout.fileno()], [], [], seconds)[0]

    def time_block(self, first: int, count: int) -> list[int]:
        """The nanoseconds of `count` calls on the images from number `first` on, starting over after the last."""
        samples: list[int] = self.request(f"{first} {count}")
        return samples

    def close(self) -> None:
        """End the process, whatever it is doing: it keeps nothing."""
        self._process.kill()
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._process.communicate()
        self._errors.close()

    def _last_error_line(self) -> str:
        self._errors.seek(0)
        return (self._errors.read().strip().splitlines() or ["it printed no reason"])[-1]


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
