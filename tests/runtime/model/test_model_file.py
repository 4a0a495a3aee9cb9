"""The format of a model file: byte by byte, damage, and files that are no model."""

import io
import json
import random
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.model import model_file, shipped
from fmnist_runtime.system.digests import sha256


@pytest.fixture(scope="module")
def content() -> bytes:
    return shipped.model_path(None).read_bytes()


@pytest.fixture(scope="module")
def file(content: bytes) -> model_file.ModelFile:
    return model_file.parse(content, Path("model.tflite"))


def test_zipfile_reads_the_description_with_nothing_installed(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["labels.txt", "fmnist.json"]
        assert archive.testzip() is None
        assert archive.read("labels.txt").decode().splitlines() == list(CLASS_NAMES)
        description = json.loads(archive.read("fmnist.json"))
    assert description["flatbuffer"]["sha256"] == sha256(content[: description["flatbuffer"]["bytes"]])
    assert description["input"]["shape"] == [1, 28, 28]
    assert description["precision"] == "int8"
    assert description["calibration"] == {"split": "train", "count": 2000, "seed": 0}
    assert {proof["runtime"] for proof in description["proofs"]} >= {"tflite-runtime"}


def test_the_zip_has_exactly_these_bytes(file: model_file.ModelFile) -> None:
    """The layout of a small file, written out by hand from PKWARE's APPNOTE.TXT."""
    packed = model_file.pack(file.flatbuffer, ("a", "b"), {"x": 1})
    size = len(file.flatbuffer)
    labels, text = b"a\nb\n", b'{"x":1}\n'
    day = struct.pack("<HH", 0, 0x21)

    def sizes(member: bytes) -> bytes:
        return struct.pack("<III", zlib.crc32(member), len(member), len(member))

    first = b"PK\3\4\x14\0\0\0\0\0" + day + sizes(labels) + b"\x0a\0\0\0labels.txt" + labels
    second = b"PK\3\4\x14\0\0\0\0\0" + day + sizes(text) + b"\x0b\0\0\0fmnist.json" + text
    entry = b"PK\1\2\x14\0\x14\0\0\0\0\0" + day
    nothing = bytes(2 + 2 + 2 + 4)
    central = entry + sizes(labels) + b"\x0a\0\0\0" + nothing + struct.pack("<I", size) + b"labels.txt"
    central += entry + sizes(text) + b"\x0b\0\0\0" + nothing + struct.pack("<I", size + len(first)) + b"fmnist.json"
    start = size + len(first) + len(second)
    end = b"PK\5\6\0\0\0\0\2\0\2\0" + struct.pack("<IIH", len(central), start, 0)
    assert packed == file.flatbuffer + first + second + central + end


def test_packing_a_read_file_gives_the_same_bytes(content: bytes, file: model_file.ModelFile) -> None:
    assert file.labels is not None
    assert file.description is not None
    assert model_file.pack(file.flatbuffer, file.labels, file.description) == content


def test_every_changed_byte_is_refused(content: bytes) -> None:
    changed = bytearray(content)
    behind = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("fmnist.json"))["flatbuffer"]["bytes"]
    rng = random.Random(1)
    positions = [*range(behind, len(content)), *(rng.randrange(behind) for _ in range(300))]
    for position in positions:
        changed[position] ^= 1 << rng.randrange(8)
        with pytest.raises(ModelFileError):
            model_file.parse(bytes(changed), Path("x"))
        changed[position] = content[position]


def test_every_cut_is_refused(content: bytes) -> None:
    for size in [*range(0, len(content), 100), *range(len(content) - 100, len(content))]:
        with pytest.raises(ModelFileError):
            model_file.parse(content[:size], Path("x"))


def test_bytes_after_the_zip_are_refused(content: bytes) -> None:
    with pytest.raises(ModelFileError):
        model_file.parse(content + b"\0", Path("x"))


def test_a_plain_tflite_has_no_description_and_no_labels(file: model_file.ModelFile) -> None:
    plain = file.flatbuffer.replace(model_file.MARKER.encode(), b"MLIR Converted.")
    parsed = model_file.parse(plain, Path("x"))
    assert parsed.description is None
    assert parsed.labels is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html></html>", "web page"),
        (b"PK\3\4" + bytes(100), "fmnist-export"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "fmnist-export"),
        (b"hello, world", "TFL3"),
    ],
)
def test_another_kind_of_file_is_named(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=words):
        model_file.read(path)


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="a folder"):
        model_file.read(tmp_path)
    with pytest.raises(ModelFileError, match="no such file"):
        model_file.read(tmp_path / "x")
