"""One process at a time: locks, their holders, and what may stand in their place."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fmnist_runtime.errors import FmnistError, LockedError
from fmnist_runtime.system.locks import hold_lock


def test_a_lock_names_its_holder_and_is_gone_when_the_holder_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from fmnist_runtime.system.locks import hold_lock\n"
        "with hold_lock(Path(sys.argv[1]), 'fmnist-train'): print('held', flush=True); time.sleep(60)"
    )
    path = tmp_path / ".lock"
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(LockedError, match=rf"in use by fmnist-train \(process {holder.pid}\)"),
            hold_lock(path, "me"),
        ):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with hold_lock(path, "me"):
        assert path.read_text() == f"me (process {os.getpid()})\n"
    assert path.read_text() == ""


def test_a_lock_does_not_follow_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(FmnistError, match="a symbolic link is in its place"), hold_lock(tmp_path / ".lock", "me"):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize(
    "content", ["precious\n", "a (process x)\n", "one (process 1)\ntwo (process 2)\n", "x" * 10_000]
)
def test_another_file_in_place_of_a_lock_is_not_emptied(content: str, tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    path.write_text(content)
    with pytest.raises(FmnistError, match="not a lock file of fmnist-edge; move it away"), hold_lock(path, "me"):
        pass
    assert path.read_text() == content


def test_a_hard_link_and_a_pipe_are_not_locks(tmp_path: Path) -> None:
    (tmp_path / "notes").touch()
    (tmp_path / "second").hardlink_to(tmp_path / "notes")
    os.mkfifo(tmp_path / "pipe")
    for name in ("second", "pipe"):
        with pytest.raises(FmnistError, match="not a lock file of fmnist-edge"), hold_lock(tmp_path / name, "me"):
            pass


def test_a_wait_for_a_lock_names_its_holder(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with hold_lock(path, "fmnist-train"):
        code = (
            "import sys; from pathlib import Path; from fmnist_runtime.system.locks import hold_lock\n"
            "with hold_lock(Path(sys.argv[1]), 'me', wait=True, say=lambda line: print(line, flush=True)): pass"
        )
        with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as waiting:
            assert waiting.stdout is not None
            line = f"{tmp_path}: in use by fmnist-train (process {os.getpid()}); waiting until it ends\n"
            assert waiting.stdout.readline() == line
            time.sleep(1)
            assert waiting.poll() is None, "it waits as long as the lock is held"
            waiting.kill()
            assert waiting.stdout.read() == ""
    # A note that a killed holder left says nothing.
    path.write_text("fmnist-train (process 1)\n")
    with hold_lock(path, "me", wait=True, say=pytest.fail):
        assert path.read_text() == f"me (process {os.getpid()})\n"
