"""Golden files: what is shipped is read as numpy reads it, all else is refused in one line and little memory."""

import io
import os
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fmnist_runtime.errors import GoldenFileError
from fmnist_runtime.model import golden, shipped


@pytest.mark.parametrize("name", shipped.SHIPPED)
def test_shipped_golden_files_are_read_as_numpy_reads_them(name: str) -> None:
    path = shipped.golden_path(name)
    found = golden.read(path)
    with np.load(path) as archive:
        assert sorted(archive.files) == sorted(field.name for field in fields(golden.Golden))
        for field in fields(golden.Golden):
            array = getattr(found, field.name)
            assert np.array_equal(array, archive[field.name])
            assert np.asarray(array).dtype == archive[field.name].dtype
    assert found.to_bytes() == path.read_bytes()
    found.images[0] = 0  # the caller's own


def _arrays(**changed: Any) -> dict[str, Any]:
    arrays = {
        "images": np.zeros((2, 28, 28), np.uint8),
        "indices": np.array([0, 2], np.int32),
        "expected": np.array([1, 2], np.uint16),
        "probabilities": np.full((2, 3), 1 / 3, np.float32),
        "test_expected": np.array([1, 0, 2], np.uint16),
        "keras_sha256": np.array("0" * 64),
    }
    return {name: array for name, array in {**arrays, **changed}.items() if array is not None}


def _write(path: Path, **changed: Any) -> Path:
    np.savez_compressed(path, **_arrays(**changed))
    return path


def test_a_small_golden_file_of_three_classes_and_a_new_key_is_read(tmp_path: Path) -> None:
    found = golden.read(_write(tmp_path / "x.npz", a_key_of_tomorrow=np.zeros(3)))
    assert found.expected.tolist() == [1, 2]
    assert found.keras_sha256 == "0" * 64


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"images": None}, "0 arrays 'images', expected one"),
        ({"images": np.zeros((2, 28, 27), np.uint8)}, r"images of shape \(2, 28, 27\)"),
        ({"images": np.zeros((2, 28, 28))}, "dtype float64, expected"),
        ({"images": np.zeros((), np.uint8)}, r"images of shape \(\)"),
        ({"images": np.zeros((0, 28, 28), np.uint8)}, "images of shape"),
        ({"images": np.zeros((3, 28, 28), np.uint8)}, r"indices of shape \(2,\)"),
        ({"images": np.array([{}, {}], object)}, "an array of objects"),
        ({"indices": np.array([0, 3], np.int32)}, "an image number beyond the 3"),
        ({"indices": np.array([0, -1], np.int32)}, "an image number beyond the 3"),
        ({"indices": np.array([0, 1], np.int64)}, "indices of shape"),
        ({"expected": np.array([1, 3], np.uint16)}, "an expected class above 2, the highest of 3"),
        ({"expected": np.array([1, 3], ">u2")}, "dtype >u2"),
        ({"test_expected": np.array([1, 0, 3], np.uint16)}, "an expected class above 2, the highest of 3"),
        ({"test_expected": np.zeros((3, 3), np.uint16)}, "test_expected of shape"),
        ({"test_expected": np.zeros(0, np.uint16)}, "test_expected of shape"),
        ({"probabilities": np.full((2, 3), np.nan, np.float32)}, "not finite"),
        ({"probabilities": np.zeros((2, 3, 1), np.float32)}, "probabilities of shape"),
        ({"probabilities": np.zeros(2, np.float32)}, "probabilities of shape"),
        ({"probabilities": np.zeros((2, 0), np.float32)}, "probabilities of shape"),
        ({"keras_sha256": np.array("x")}, "is not a SHA-256"),
        ({"keras_sha256": np.array(["0" * 64])}, "is not a SHA-256"),
        ({"keras_sha256": np.zeros(64, np.uint8)}, "is not a SHA-256"),
    ],
)
def test_an_array_of_another_shape_dtype_or_range_is_named(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(GoldenFileError, match=words) as caught:
        golden.read(_write(tmp_path / "x.npz", **changed))
    assert str(caught.value).startswith(f"{tmp_path / 'x.npz'}: damaged or not a golden file (")
    assert str(caught.value).endswith("); export the model again")


def _members(path: Path, *, method: int = zipfile.ZIP_DEFLATED, **contents: bytes) -> Path:
    """A ZIP of the sound arrays with other `contents`."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, array in _arrays().items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(f"{name}.npy", contents.get(name, buffer.getvalue()))
    return path


def _header(shape: str, kind: str = "|u1") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text


# Claims and bombs: what the file says of itself, and how much memory believing it would take.
BOMBS = {
    "a header that claims gigabytes": {"images": _header("(4000000, 28, 28)") + bytes(784)},
    "a header that claims more than there is": {"images": _header(f"({2**62}, 28, 28)") + bytes(784)},
    "a string of gigabytes": {"keras_sha256": _header("()", "<U500000000") + bytes(10)},
    "a member that unpacks to a gigabyte": {"images": _header("(1300000, 28, 28)") + bytes(1300000 * 784)},
    "a header of 4 GB": {"images": b"\x93NUMPY\2\0\xff\xff\xff\xff" + b" " * 100},
    "a nested header": {"images": _header("(" * 4000)},
    "a header of many dimensions": {"images": _header("(" + "1, " * 65 + ")") + b"\0"},
    "a negative shape": {"images": _header("(-2, 28, 28)")},
}
READ = """
import resource, sys
from pathlib import Path
from fmnist_runtime.model import golden
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 250 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    golden.read(Path(sys.argv[1]))
except golden.GoldenFileError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOMBS)
def test_no_claimed_size_costs_more_than_250_mebibytes(kind: str, tmp_path: Path) -> None:
    path = _members(tmp_path / "x.npz", **BOMBS[kind])
    result = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, check=False, timeout=60)
    assert result.stderr == ""
    assert "damaged or not a golden file" in result.stdout
    assert result.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (zipfile.ZIP_BZIP2, "compression that numpy does not write"),
        (zipfile.ZIP_LZMA, "compression that numpy does not write"),
    ],
)
def test_other_compression_methods_are_refused(method: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(GoldenFileError, match=words):
        golden.read(_members(tmp_path / "x.npz", method=method))
    assert len(golden.read(_members(tmp_path / "x.npz", method=zipfile.ZIP_STORED)).images) == 2


def test_a_repeated_member_is_refused(tmp_path: Path) -> None:
    path = _members(tmp_path / "x.npz")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("images.npy", b"")
    with pytest.raises(GoldenFileError, match="2 arrays 'images', expected one"):
        golden.read(path)


def test_a_zip_of_many_members_and_a_large_file_are_refused_before_they_are_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.npz", "w") as archive:
        for number in range(65):
            archive.writestr(str(number), b"")
    with pytest.raises(GoldenFileError, match="more than 64 members"):
        golden.read(tmp_path / "many.npz")
    (tmp_path / "large.npz").write_bytes(b"PK\3\4")
    os.truncate(tmp_path / "large.npz", 2**32)
    with pytest.raises(
        GoldenFileError, match="4,294,967,296 bytes, expected a golden file of fmnist-export of at most"
    ):
        golden.read(tmp_path / "large.npz")


def test_folders_and_missing_files_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.npz")
    for name, words in ((".", "a folder"), ("gone.npz", "no such file"), ("fifo.npz", "not a regular file")):
        with pytest.raises(GoldenFileError, match=words):
            golden.read(tmp_path / name)
