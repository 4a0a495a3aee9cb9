"""Programs that end with their caller, whatever they have started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import HANG_SECONDS, is_alive, wait_until

from fmnist_runtime.system import processes

# A program that starts another and tells its number, as `python -m venv` starts ensurepip.
_FAMILY = "sleep 1000 & echo $! >{path}; wait"


def _child(path: Path) -> int:
    """The process number that the family writes to `path`, once it is there."""
    wait_until(lambda: path.exists() and path.read_text().strip(), "the program has started another")
    return int(path.read_text())


def _wait_for_the_end(number: int) -> None:
    wait_until(lambda: not is_alive(number), "what the program had started has ended")


def test_output_and_exit_code_are_returned() -> None:
    ended = processes.run(
        ["sh", "-c", "echo out; echo err >&2; read x || exit 7"], seconds=1000, variables={"PATH": "/bin"}
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "out\n", "err\n")


def test_a_program_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        processes.run(["sh", "-c", _FAMILY.format(path=tmp_path / "child")], seconds=2)
    _wait_for_the_end(_child(tmp_path / "child"))


@pytest.mark.parametrize("whole_group", [False, True], ids=["the caller", "the terminal's group"])
def test_an_interrupt_ends_the_program_and_its_children(whole_group: bool, tmp_path: Path) -> None:
    code = "import sys; from fmnist_runtime.system.processes import run; run(['sh', '-c', sys.argv[1]], seconds=1000)"
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
    assert caller.wait(HANG_SECONDS) != 0
    _wait_for_the_end(child)
