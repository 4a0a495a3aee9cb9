"""Whole files or none; a set of files all or none."""

import errno
import os
from pathlib import Path

import pytest

from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system.atomic import write_atomically, write_together


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


def test_one_file_replaces_another_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    write_atomically(tmp_path / "a", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]
