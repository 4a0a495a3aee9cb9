"""Interrupting a command in the middle of its work, as Ctrl-C at a terminal or a kill of its process does."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

# On a machine with much other work a step takes ten times as long as on a quiet one.
_SECONDS = 120


def interrupt(
    process: "subprocess.Popen[str]",
    is_under_way: Callable[[], object],
    *,
    whole_group: bool = True,
    number: signal.Signals = signal.SIGINT,
) -> str:
    """Send `number` to `process` once `is_under_way` holds, wait for its end, and return its standard error.

    With `whole_group` the whole process group gets the signal, as from a terminal; `process` must have been started
    with start_new_session. Fails, and kills the group, where the work ends before or the process outlives the signal.
    """
    end = time.monotonic() + _SECONDS
    try:
        while not is_under_way():
            assert process.poll() is None, "it ended before it could be interrupted"
            assert time.monotonic() < end, f"it was not under way within {_SECONDS} s"
            time.sleep(0.01)
        if whole_group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        return process.communicate(timeout=_SECONDS)[1]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
