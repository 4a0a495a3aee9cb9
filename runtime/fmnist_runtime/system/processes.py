"""A program that ends when its caller stops waiting for it, together with everything that it has started.

It runs any command; a function of this package runs in fmnist_runtime.system.child.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

# On an interrupt pip removes its temporary folders; what has not ended by then is killed.
_GRACE_SECONDS = 3


def run(
    command: Sequence[str], *, seconds: float, variables: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run `command` and return its exit code and output, as text. `variables` replace this process's environment.

    The command gets a process group of its own. The whole group is interrupted and then killed where the command does
    not end within `seconds` (raises subprocess.TimeoutExpired), or where an exception such as Ctrl-C ends the wait.
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
        # Children of the program may outlive it; the group exists as long as one of them does.
        os.killpg(process.pid, signal.SIGKILL)
