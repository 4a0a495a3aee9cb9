"""Class names in a ZIP behind a flatbuffer: what is read, and what it may cost."""

import io
import struct
import tracemalloc
import zipfile

import pytest

from fmnist_runtime.model import metadata_labels

NAMES = ("cat", "dog", "bird")
TEXT = "".join(f"{name}\n" for name in NAMES)


def appended(members: dict[str, str | bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A flatbuffer's bytes, of which nothing is read, with a ZIP of `members` behind them."""
    buffer = io.BytesIO(b"\x1c\0\0\0TFL3" + bytes(100))
    with zipfile.ZipFile(buffer, "a", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"labels.txt": TEXT}, "labels.txt"),
        ({"LABELS.TXT": "\ufeff cat \r\n\r\ndog\r\nbird"}, "LABELS.TXT"),
        ({"labels.txt": TEXT, "scores.txt": "0.1\n"}, "labels.txt"),
        ({"labels.txt": TEXT, "other.txt": TEXT}, None),
        ({"labels.txt": TEXT.encode("utf-16")}, None),
        ({"labels.txt": "cat\ndog\nb\x1bird\n"}, None),
        ({"labels\x1b.txt": TEXT}, None),
        ({"labels.json": TEXT}, None),
        ({"labels.txt": "cat\ndog\n"}, None),
        ({}, None),
    ],
)
def test_the_only_text_file_with_a_line_for_each_class_gives_the_names(
    members: dict[str, str | bytes], expected: str | None
) -> None:
    found = metadata_labels.read(appended(members), len(NAMES))
    assert found == (None if expected is None else (NAMES, expected))


@pytest.mark.parametrize("content", [b"", b"TFL3", bytes(1000), b"PK\5\6" + bytes(18), b"PK\5\6" + b"\xff" * 18])
def test_a_file_without_a_zip_has_no_names(content: bytes) -> None:
    assert metadata_labels.read(content, 3) is None


def test_a_zip_bomb_is_not_unpacked() -> None:
    zeros = bytes(2**21)
    bomb = appended({f"{number}.txt": zeros for number in range(30)}, zipfile.ZIP_DEFLATED)
    many = appended({f"{number}.txt": "x" for number in range(3000)})
    # The number of members is that of an honest file; zipfile goes by the length of the directory.
    end = bytearray(appended({f"{number}.txt": zeros for number in range(70)}, zipfile.ZIP_DEFLATED))
    struct.pack_into("<2H", end, len(end) - 14, 1, 1)
    zip64 = bytearray(many[:-22] + struct.pack("<4sIQI", b"PK\6\7", 0, len(many) - 100, 1) + many[-22:])
    struct.pack_into("<2HI", zip64, len(zip64) - 14, 1, 1, 100)
    for content in (bomb, many, bytes(end), bytes(zip64)):
        tracemalloc.start()
        assert metadata_labels.read(content, 3) is None
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # zipfile makes an object of every member of the directory; the text of one is in memory at a time.
        assert most < 3 * len(zeros)
