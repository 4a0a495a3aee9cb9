import gzip
import struct

import numpy as np
import pytest

from fmnist_runtime import idx
from fmnist_runtime.errors import DataError


def _idx(shape: tuple[int, ...], content: bytes) -> bytes:
    return b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + content


def test_an_array_comes_back_in_its_shape() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(idx.parse(_idx((2, 3, 4), array.tobytes()), "x"), array)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x0d\1\0\0\0\1\0", "not an IDX file"),
        (_idx((2, 28, 28), bytes(100)), r"asks for shape \(2, 28, 28\)"),
        (_idx((1, 2, 2), bytes(5)), "found 21"),
        (b"\0\0\x08\3\0\0", "cut short"),
        (_idx((2**32 - 1,) * 3, b""), "cut short"),
    ],
)
def test_what_is_not_idx_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        idx.parse(content, "x")


@pytest.mark.parametrize("cut", [5, 15, -1])
def test_cut_gzip_is_refused(tmp_path, cut: int) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(_idx((3,), b"abc"))[:cut])
    with pytest.raises(DataError, match="cut short"):
        idx.read_bytes(path)
