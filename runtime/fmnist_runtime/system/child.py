"""A function of this package in a process of its own, which may crash in place of this one.

Where the system cannot start this Python directly, the environment variable FMNIST_LAUNCHER holds the words that go in
front of it, such as an emulator with its options: under user-mode qemu without binfmt_misc the system refuses a child
(ENOEXEC).

It does not stop what the child itself has started (fmnist_runtime.system.processes).
"""

import os
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class ChildResult:
    """The exit code of a child, negative for a signal, and what it printed."""

    code: int
    output: str
    last_error_line: str


LAUNCHER = "FMNIST_LAUNCHER"


def python_command() -> list[str]:
    """The words of a command that starts this process's Python."""
    launcher = os.environ.get(LAUNCHER)
    if not launcher:
        return [sys.executable or "python3"]
    import shlex

    return [*shlex.split(launcher), sys.executable or "python3"]


def call(module: str, function: str, *arguments: str, stdin: bytes = b"", seconds: float = 60) -> ChildResult:
    """Run `module`.`function`(*arguments) in a child with this process's Python and module path.

    Raises OSError where no child starts, TimeoutError where it does not end within `seconds`.
    """
    code = (
        "import sys, importlib; count = int(sys.argv[3]); arguments = sys.argv[4 : 4 + count]; "
        "sys.path[:] = sys.argv[4 + count :]; "
        "getattr(importlib.import_module(sys.argv[1]), sys.argv[2])(*arguments)"
    )
    try:
        child = subprocess.run(
            [*python_command(), "-c", code, module, function, str(len(arguments)), *arguments, *sys.path],
            input=stdin,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"did not end within {seconds:.0f} s") from error
    lines = child.stderr.decode("utf-8", "replace").strip().splitlines()
    return ChildResult(child.returncode, child.stdout.decode("utf-8", "replace"), lines[-1] if lines else "")
