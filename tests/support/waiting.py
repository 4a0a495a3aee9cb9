"""Waiting for other processes, on a machine that may have much other work."""

import time
from collections.abc import Callable
from pathlib import Path

# Ends what hangs. A machine with much other work is slower than a quiet one by a factor of ten and more.
HANG_SECONDS = 120


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait until `condition` holds; fails after HANG_SECONDS, with `what` it is in words."""
    end = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < end, f"not within {HANG_SECONDS} s: {what}"
        time.sleep(0.02)


def is_alive(number: int) -> bool:
    """Whether the process `number` runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
