"""Programs that end with their caller, whatever they have started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fmnist_runtime.system import processes

# A program that starts another and tells its number, as `python -m venv` starts ensurepip.
_FAMILY = "sleep 60 & echo $! >{path}; wait"


def _alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _gone(number: int) -> bool:
    """Whether the process ends within two seconds: a signal takes its time."""
    end = time.monotonic() + 2
    while _alive(number) and time.monotonic() < end:
        time.sleep(0.02)
    return not _alive(number)


def _child(path: Path) -> int:
    for _ in range(200):
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.05)
    raise AssertionError("it did not start")


def test_output_and_exit_code_are_returned() -> None:
    ended = processes.run(
        ["sh", "-c", "echo out; echo err >&2; read x || exit 7"], seconds=10, variables={"PATH": "/bin"}
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "out\n", "err\n")


def test_a_program_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        processes.run(["sh", "-c", _FAMILY.format(path=tmp_path / "child")], seconds=0.5)
    assert _gone(_child(tmp_path / "child"))


@pytest.mark.parametrize("whole_group", [False, True], ids=["the caller", "the terminal's group"])
def test_an_interrupt_ends_the_program_and_its_children(whole_group: bool, tmp_path: Path) -> None:
    code = "import sys; from fmnist_runtime.system.processes import run; run(['sh', '-c', sys.argv[1]], seconds=60)"
    caller = subprocess.Popen(
        [sys.executable, "-c", code, _FAMILY.format(path=tmp_path / "child")],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    child = _child(tmp_path / "child")
    if whole_group:
        os.killpg(caller.pid, signal.SIGINT)
    else:
        caller.send_signal(signal.SIGINT)
    assert caller.wait(10) != 0
    assert _gone(child)
