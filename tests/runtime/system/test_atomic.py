"""Whole files or none, a set of files all or none, and one process at a time."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fmnist_runtime.errors import FmnistError, LockedError
from fmnist_runtime.system.atomic import write_atomically, write_together
from fmnist_runtime.system.locks import locked


def test_a_set_of_files_is_written_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    write_together({tmp_path / "a": b"new a", tmp_path / "b": b"new b"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"new a", "b": b"new b"}


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_refused_rename_leaves_the_set_as_it_was(
    tmp_path: Path, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a", "b", "c"]
    (tmp_path / "a").write_bytes(b"old a")
    (tmp_path / "c").write_bytes(b"old c")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    rename = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.suffix == ".part" and Path(target).name == names[failing]:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(FmnistError, match=f"{names[failing]}: cannot be written"):
        write_together({tmp_path / name: f"new {name}".encode() for name in names})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_in_the_way_of_one_file_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "content").touch()
    with pytest.raises(FmnistError, match="b: cannot be written"):
        write_together({tmp_path / "a": b"new a", tmp_path / "b": b"new b"})
    assert (tmp_path / "a").read_bytes() == b"old a"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_one_file_replaces_another_and_leaves_no_litter(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    write_atomically(tmp_path / "a", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


def test_a_lock_names_its_holder_and_is_gone_when_the_holder_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from fmnist_runtime.system.locks import locked\n"
        "with locked(Path(sys.argv[1]), 'fmnist-train'): print('held', flush=True); time.sleep(60)"
    )
    path = tmp_path / ".lock"
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=rf"in use by fmnist-train \(process {holder.pid}\)"), locked(path, "me"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with locked(path, "me"):
        assert path.read_text() == f"me (process {os.getpid()})\n"
    assert path.read_text() == ""


def test_a_lock_does_not_follow_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(FmnistError, match="a symbolic link is in its place"), locked(tmp_path / ".lock", "me"):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize(
    "content", ["precious\n", "a (process x)\n", "one (process 1)\ntwo (process 2)\n", "x" * 10_000]
)
def test_a_file_of_somebody_else_in_the_place_of_a_lock_is_not_emptied(content: str, tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    path.write_text(content)
    with pytest.raises(FmnistError, match="is no lock file of fmnist-edge; move it away"), locked(path, "me"):
        pass
    assert path.read_text() == content


def test_a_second_name_of_a_file_and_a_pipe_are_no_lock(tmp_path: Path) -> None:
    (tmp_path / "notes").touch()
    (tmp_path / "second").hardlink_to(tmp_path / "notes")
    os.mkfifo(tmp_path / "pipe")
    for name in ("second", "pipe"):
        with pytest.raises(FmnistError, match="is no lock file of fmnist-edge"), locked(tmp_path / name, "me"):
            pass


def test_a_wait_for_a_lock_says_for_whom(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with locked(path, "fmnist-train"):
        code = (
            "import sys; from pathlib import Path; from fmnist_runtime.system.locks import locked\n"
            "with locked(Path(sys.argv[1]), 'me', wait=True, say=lambda line: print(line, flush=True)): pass"
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
    with locked(path, "me", wait=True, say=pytest.fail):
        assert path.read_text() == f"me (process {os.getpid()})\n"
