import gzip
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from idx_bytes import encode, header

from fmnist_runtime.data import fashion_mnist_files
from fmnist_runtime.errors import DataError
from fmnist_runtime.images import idx


def _idx(shape: tuple[int, ...], content: bytes) -> bytes:
    return header(*shape) + content


def test_an_array_comes_back_in_its_shape() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(idx.parse(encode(array), "x"), array)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x0d\1\0\0\0\1\0", "not an IDX file"),
        (_idx((2, 28, 28), bytes(100)), r"asks for shape \(2, 28, 28\)"),
        (_idx((1, 2, 2), bytes(5)), "found 21"),
        (b"\0\0\x08\3\0\0", "cut short"),
        (b"\0\0\x08\0", "an IDX file of 0 dimensions, expected 1 to 4"),
        (_idx((1,) * 33, b"a"), "an IDX file of 33 dimensions"),
        (_idx((1,) * 65, b"a"), "an IDX file of 65 dimensions"),
        (_idx((1,) * 255, b"a"), "an IDX file of 255 dimensions"),
        (_idx((0, 2**32 - 1, 2**32 - 1), b""), r"asks for shape \(0, 4294967295, 4294967295\)"),
        (_idx((2**32 - 1, 0, 2**32 - 1), b""), "asks for shape"),
        (_idx((2**16,) * 4, b""), "cut short"),
        (_idx((2**32 - 1,) * 3, b""), "cut short"),
    ],
)
def test_other_bytes_are_not_an_idx_file(content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        idx.parse(content, "x")


@pytest.mark.parametrize("cut", [5, 15, -1])
def test_cut_gzip_is_refused(tmp_path, cut: int) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(_idx((3,), b"abc"))[:cut])
    with pytest.raises(DataError, match="cut short"):
        idx.read_bytes(path)


def test_an_empty_array_of_a_possible_shape_is_read() -> None:
    assert idx.parse(_idx((0, 28, 28), b""), "x").shape == (0, 28, 28)


MEMBERS = gzip.compress(_idx((3,), b"a")) + gzip.compress(b"b") + bytes(1000) + gzip.compress(b"c") + bytes(512)


@pytest.mark.parametrize("content", [_idx((3,), b"abc"), gzip.compress(_idx((3,), b"abc")), MEMBERS])
def test_plain_gzipped_and_multi_member_files_give_the_same_array(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    assert idx.read_bytes(tmp_path / "x", 11) == _idx((3,), b"abc")
    with pytest.raises(DataError, match=r"more than 10 bytes.* expected 10 at most"):
        idx.read_bytes(tmp_path / "x", 10)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b"") * 5000, "more than 4,096 members"),
        (gzip.compress(b"a") + b"garbage", "damaged or cut short"),
        (gzip.compress(b"a")[:-4] + b"\0\0\0\0", "incorrect length check"),
        (gzip.compress(b"a")[:-8] + bytes(8), "incorrect data check"),
        (b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 2**22, "damaged or cut short"),
        (b"\x1f\x8b", "damaged or cut short"),
        (b"\x1f\x8b\x07" + bytes(20), "damaged or cut short"),
    ],
)
def test_a_damaged_gzip_is_refused_at_once(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match=words):
        idx.read_bytes(tmp_path / "x")


READ = """
import resource, sys
from pathlib import Path
from fmnist_runtime.data import fashion_mnist_files as dataset
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 200 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    dataset.read_training_split(Path(sys.argv[1]))
except dataset.DataError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("packed", [True, False])
def test_a_data_set_of_gigabytes_is_refused_before_it_is_unpacked(packed: bool, tmp_path: Path) -> None:
    path = tmp_path / ("train-images-idx3-ubyte" + (".gz" if packed else ""))
    if packed:
        packer = zlib.compressobj(9, wbits=31)
        path.write_bytes(b"".join(packer.compress(bytes(2**24)) for _ in range(64)) + packer.flush())  # 1 GB in 1 MB
    else:
        path.touch()
        os.truncate(path, 2**32)
    result = subprocess.run(
        [sys.executable, "-c", READ, tmp_path], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.stderr == ""
    unpacked = " when unpacked" if packed else ""
    assert f"{path}: more than 47,040,016 bytes{unpacked}, expected 47,040,016 at most" in result.stdout


def test_the_sizes_are_those_of_the_published_files(data_folder: Path) -> None:
    for name, size in fashion_mnist_files.SIZES.items():
        assert len(idx.read_bytes(fashion_mnist_files.find_file(data_folder, name))) == size
