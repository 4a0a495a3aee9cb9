"""Label files as editors and other tools write them, and what is none."""

import os
import sys
from pathlib import Path

import pytest

from fmnist_runtime.errors import LabelsError
from fmnist_runtime.model import label_files

NAMES = ("Ankle boot", "Płaszcz", "3D glasses")
TEXT = "\n".join(NAMES)


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode() + b"\n",
        TEXT.encode() + b"\n\n\r\n  \n",
        TEXT.replace("\n", "\r\n").encode() + b"\r\n",
        TEXT.replace("\n", "\r").encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xff\xfe" + TEXT.encode("utf-16-le"),
        b"\xfe\xff" + (TEXT + "\n").encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.replace("\n", "  \n\t ").encode() + b"\t ",
        *(
            "\n".join(f"{number}{sign}{name}" for number, name in enumerate(NAMES, first)).encode()
            for first in (0, 1)
            for sign in (" ", "\t", ": ", ":", ",", ", ", ";", ". ", " - ", ") ", " = ")
        ),
        "\r\n".join(f"{number:02} {name} " for number, name in enumerate(NAMES)).encode("utf-16"),
    ],
)
def test_every_accepted_form_of_three_names_gives_the_names(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    assert label_files.read(tmp_path / "labels.txt") == NAMES


@pytest.mark.parametrize(
    "names",
    [
        ("0", "1", "2"),  # digits are the names
        ("7 up", "0 cola"),  # not in order
        ("0 name", "2 name"),
        ("0 name", "name"),
        ("2 name", "3 name"),
        ("1 Trouser",),  # one line says nothing about order
        ("0a", "1b"),
        ("T-shirt/top", "Ankle boot"),
        ("\u0660 a", "\u0661 b"),  # digits of other scripts
    ],
)
def test_digits_that_do_not_number_the_lines_stay_in_the_names(names: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(names), encoding="utf-8")
    assert label_files.read(tmp_path / "labels.txt") == names


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 lines, expected 1 to 65,536"),
        (b"\n\n", "0 lines"),
        (b"a\n\nb\n", "line 2 is '', expected a class name"),
        (b"a\nb\na\n", "the class 'a' appears twice"),
        (b"0 a\n1 a\n", "the class 'a' appears twice"),
        (b"a\n\x1b[31mb", r"line 2 is '\\x1b\[31mb', expected a class name"),
        ("a\u202eb".encode(), r"line 1 is 'a\\u202eb'"),
        (b"a\0b", r"line 1 is 'a\\x00b'"),
        ("a\nb".encode("utf-16-le"), "line 1 is 'a.x00'"),
        (b"a\n\xff\xfe", "cannot be read as utf-8 .invalid start byte at byte 2.*save it as UTF-8"),
        (b"\xff\xfea", "cannot be read as utf-16"),
        (b"a" * 1001, "expected a class name of 1 to 1,000"),
        (b"".join(b"%d\n" % number for number in range(65_537)), "65,537 lines"),
        (b"a" * (2**20 + 1), "more than 1,048,576 bytes"),
        (b"\x89PNG\r\n\x1a\n", "cannot be read"),
    ],
)
def test_a_file_without_usable_names_is_refused_in_one_line(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(LabelsError, match=words) as caught:
        label_files.read(tmp_path / "labels.txt")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_folders_missing_files_and_endless_devices_are_refused(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path, "Is a directory"),
        (tmp_path / "x", "No such file"),
        (Path("/dev/zero"), "more than"),
    ):
        with pytest.raises(LabelsError, match=words):
            label_files.read(path)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/fd")
def test_labels_are_read_from_a_pipe() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"a\nb\n")
    os.close(writing)
    assert label_files.read(Path(f"/dev/fd/{reading}")) == ("a", "b")
    os.close(reading)
