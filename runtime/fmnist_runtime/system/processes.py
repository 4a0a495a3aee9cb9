"""A program that ends when its caller stops waiting for it, with everything that it has started in turn."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

# pip takes its temporary folders away on an interrupt; what has not ended by then is killed.
_GRACE_SECONDS = 3


def run(
    command: Sequence[str], *, seconds: float, variables: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run `command`; its exit code and what it printed, as text. `variables` replace this process's own.

    It runs in a process group of its own, which is interrupted and then killed as a whole where it does not end within
    `seconds` (then raises subprocess.TimeoutExpired) or where an exception, such as that of Ctrl-C, ends the wait.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=variables,
        start_new_session=True,
    )
    with process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except BaseException:
            _end(process)
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def _end(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
        # What the program itself had started may outlive it; the group is there as long as one of them is.
        os.killpg(process.pid, signal.SIGKILL)
