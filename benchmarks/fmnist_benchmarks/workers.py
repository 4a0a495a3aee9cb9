"""Contenders in processes of their own, timed in turns; and programs that run once, with their time and peak memory."""

import json
import os
import subprocess
import sys
import time
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
    """A program that ran once: milliseconds from start to end, peak resident memory in KiB, its standard output."""

    milliseconds: float
    peak_kib: int
    output: str


def run_once(command: list[str]) -> Run:
    """Run `command` and measure it. Raises FmnistError where it fails."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        # wait4 gives this child's own peak; getrusage would give the highest of all children.
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise FmnistError(f"{' '.join(command)} ended with {process.returncode}; run it by hand to see why")
    return Run(elapsed * 1000, usage.ru_maxrss, output)
