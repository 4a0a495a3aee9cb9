import gzip
import io
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import idx_bytes
import numpy as np
import pytest
from PIL import Image as Pillow

from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import ImageError
from fmnist_runtime.preprocessing.background import looks_light
from fmnist_runtime.sources import image_files
from fmnist_runtime.sources.image_files import read_images, read_stream

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
NEGATIVE = 255 - np.pad(PIXELS[1, 4:24, 4:24], 4)


def _save(path: Path, content: object) -> Path:
    np.save(path, content)
    return path


def test_a_grey_png_passes_unchanged(tmp_path: Path) -> None:
    Pillow.fromarray(PIXELS[0]).save(tmp_path / "x.png")
    (image,) = read_images(tmp_path / "x.png")
    assert np.array_equal(image.pixels, PIXELS[0])
    assert image.item is None


def test_a_grey_jpeg_is_what_pillow_decodes(tmp_path: Path) -> None:
    Pillow.fromarray(PIXELS[0]).save(tmp_path / "x.jpg", quality=95)
    (image,) = read_images(tmp_path / "x.jpg")
    assert np.array_equal(image.pixels, np.asarray(Pillow.open(tmp_path / "x.jpg")))


def test_single_arrays_and_stacks_are_read(tmp_path: Path) -> None:
    (one,) = read_images(_save(tmp_path / "one.npy", PIXELS[1]))
    assert np.array_equal(one.pixels, PIXELS[1])
    stack = list(read_images(_save(tmp_path / "stack.npy", PIXELS)))
    assert [image.item for image in stack] == [0, 1, 2]
    assert np.array_equal(np.stack([image.pixels for image in stack]), PIXELS)
    (last,) = read_images(tmp_path / "stack.npy", [2])
    assert last.item == 2


def test_idx_files_with_and_without_gzip_are_read(test_images_file: Path, tmp_path: Path) -> None:
    plain = tmp_path / "images"
    plain.write_bytes(gzip.decompress(test_images_file.read_bytes()))
    (one,) = read_images(test_images_file, [9999])
    (other,) = read_images(plain, [9999])
    assert np.array_equal(one.pixels, other.pixels)


def _picture(size: tuple[int, int], mode: str) -> bytes:
    buffer = io.BytesIO()
    Pillow.new(mode, size).save(buffer, "PNG")
    return buffer.getvalue()


def _array(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _npy(shape: str, kind: str = "'|u1'") -> bytes:
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(784)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello", "not a readable image"),
        (b"\x93NUMP", "not a readable image"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "save HEIC photos as JPEG"),
        (_picture((29, 28), "L"), "nothing in it differs"),
        (_picture((28, 28), "RGBA"), "nothing in it differs"),
        (_picture((28, 28), "L")[:50], "damaged"),
        (_array(np.zeros((28, 28), np.float32)), "dtype float32"),
        (_array(np.full((28, 28), np.nan)), "not finite"),
        (_array(np.zeros((28, 27), np.uint8)), r"shape \(28, 27\)"),
        (_array(np.zeros((2, 2, 28, 28), np.uint8)), "shape"),
        (_array(np.zeros((0, 28, 28), np.uint8)), "no image in it"),
        (_array(np.array([{}], object)), "damaged .npy"),
        (_array(PIXELS)[:-1], "damaged .npy"),
        (b"\x93NUMPY\1\0\x10\0{'descr': ((((((\n", "damaged .npy"),
        (b"\x93NUMPY\4\0\x10\0{'descr': ((((((\n", "damaged .npy .*version"),
        (_array(np.uint8(7)), r"an array of shape \(\), expected \(28, 28\)"),
        (_array(np.zeros(784, np.uint8)), r"shape \(784,\)"),
        (_array(np.zeros((1,) * 32, np.uint8)), "an impossible shape"),
        (_npy("(4611686018427387904, 28, 28)"), "damaged .npy"),
        (_npy("(4611686, 28, 28)"), r"damaged .npy file \(.* it is cut short"),
        (_npy("(-1, 28, 28)"), "damaged .npy"),
        (_npy("(2.5, 28, 28)"), "damaged .npy"),
        (_npy("(" * 3000), "damaged .npy"),
        (_npy("(28, 28)", "[('a', '|u1')]"), "dtype .*'a'"),
        (_npy("(28, 28)", "'|S0'"), "dtype"),
        (_npy("(28, 28)", "'|O'"), "an array of objects"),
        (_array(np.zeros((28, 28), "datetime64[s]")), "dtype datetime64"),
        (_array(np.zeros((28, 28), np.complex64)), "dtype complex64"),
        (idx_bytes.header(), "an IDX file of 0 dimensions"),
        (idx_bytes.header(*[1] * 33), "an IDX file of 33 dimensions"),
        (idx_bytes.header(*[1] * 65), "an IDX file of 65 dimensions"),
        (idx_bytes.header(0, 2**32 - 1, 2**32 - 1), "asks for shape"),
        (idx_bytes.header(2**32 - 1, 28, 28), "asks for shape"),
        (gzip.compress(b"hello"), "not an IDX"),
        (b"\0\0\x08\3\0\0\0\0\0\0\0\x1c\0\0\0\x1c", "no image in it"),
        (b"\0\0\x08\1\0\0\0\2ab", "expected images"),
    ],
)
def test_bad_images_are_refused_in_one_line(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=words) as caught:
        list(read_images(path))
    assert str(path) in str(caught.value)


def test_a_missing_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="3 images, so there is no --index 3"):
        list(read_images(_save(tmp_path / "x.npy", PIXELS), [3]))


def test_a_grey_28x28_picture_passes_unchanged_in_every_mode(tmp_path: Path) -> None:
    for pixels in (PIXELS[0], NEGATIVE):
        for mode in ("L", "RGB", "RGBA", "LA"):
            Pillow.fromarray(pixels).convert(mode).save(tmp_path / "x.png")
            (image,) = read_images(tmp_path / "x.png")
            assert np.array_equal(image.pixels, pixels), mode
            (image,) = read_images(tmp_path / "x.png", invert="no")
            assert np.array_equal(image.pixels, pixels), mode
            (image,) = read_images(tmp_path / "x.png", invert="yes")
            assert np.array_equal(image.pixels, 255 - pixels), mode


def test_an_image_that_looks_inverted_gets_one_warning_a_file(tmp_path: Path) -> None:
    Pillow.fromarray(NEGATIVE).save(tmp_path / "x.png")
    (image,) = read_images(tmp_path / "x.png")
    assert image.note is not None
    assert "--invert yes" in image.note
    for invert in ("yes", "no"):
        (image,) = read_images(tmp_path / "x.png", invert=invert)
        assert image.note is None
    stack = list(read_images(_save(tmp_path / "stack.npy", np.stack([PIXELS[0] // 4, NEGATIVE, NEGATIVE]))))
    assert [image.note is not None for image in stack] == [False, True, False]


def test_images_of_the_data_set_do_not_look_inverted_and_their_negatives_do(test_split: Split) -> None:
    light = [looks_light(image) for image in test_split.images]
    negative = [looks_light(255 - image) for image in test_split.images]
    assert sum(light) == 0
    assert sum(negative) >= 9_990


def test_arrays_are_negated_only_on_demand(tmp_path: Path) -> None:
    path = _save(tmp_path / "x.npy", PIXELS)
    assert all(np.array_equal(image.pixels, 255 - PIXELS[image.item]) for image in read_images(path, invert="yes"))
    with pytest.raises(ImageError, match="invert='maybe' is unknown"):
        next(read_images(path, invert="maybe"))  # type: ignore[arg-type]


def test_a_stream_is_read_like_a_file(tmp_path: Path, test_images_file: Path) -> None:
    path = _save(tmp_path / "x.npy", PIXELS)
    for file, indices in ((path, []), (path, [2]), (test_images_file, [7])):
        streamed = list(read_stream(io.BytesIO(file.read_bytes()), indices))
        stored = list(read_images(file, indices))
        assert [image.item for image in streamed] == [image.item for image in stored]
        assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(streamed, stored, strict=True))
        assert {str(image.source) for image in streamed} == {"-"}


def test_one_image_of_a_large_array_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.npy"
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (1_300_000, 28, 28))  # 1 GB, sparse
    array[1_234_567] = PIXELS[0]
    array.flush()
    del array
    tracemalloc.start()
    (image,) = read_images(path, [1_234_567])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(image.pixels, PIXELS[0])
    assert peak < 1_000_000


def test_a_file_that_is_cut_while_it_is_read_is_an_error_not_a_signal(tmp_path: Path) -> None:
    """What is mapped and cut off ends in SIGBUS; an image that was given is the caller's, whatever becomes of it."""
    path = _save(tmp_path / "x.npy", np.tile(PIXELS, (100, 1, 1)))
    read = read_images(path)
    first = next(read)
    os.truncate(path, 4096)
    with pytest.raises(ImageError, match=r"image \d+ is cut short; the file was changed while it was read"):
        list(read)
    assert np.array_equal(first.pixels, PIXELS[0])
    first.pixels[0, 0] += 1  # not read-only


SPARSE = """
import os, resource, sys
from fmnist_runtime import read_images
from fmnist_runtime.errors import ImageError
from pathlib import Path
import fmnist_runtime.images.stacks
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 50 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sys.argv[1:]:
    try:
        (image,) = read_images(path, [3_500_000])
        print(int(image.pixels.sum()))
    except ImageError as error:
        print(error)
"""


def test_files_of_gigabytes_take_the_memory_of_an_image(tmp_path: Path) -> None:
    names = []
    for name, start in (
        ("npy", _npy("(3600000, 28, 28)")[:-784]),
        ("idx", idx_bytes.header(3_600_000, 28, 28)),
        ("floats.npy", _npy("(1, 352800000)", "'<f8'")[:-784]),
        ("fortran.npy", _npy("(3600000, 28, 28)")[:-784].replace(b"False,", b"True, ")),
    ):
        names.append(tmp_path / name)
        names[-1].write_bytes(start)
        os.truncate(names[-1], len(start) + 3_600_000 * 784)
    result = subprocess.run([sys.executable, "-c", SPARSE, *names], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[:2] == ["0", "0"]
    assert "dtype float64, expected uint8" in lines[2]
    assert "2,822,400,000 bytes in Fortran order, expected at most 268,435,456" in lines[3]


def test_an_array_in_fortran_order_is_read_right(tmp_path: Path) -> None:
    read = list(read_images(_save(tmp_path / "x.npy", np.asfortranarray(PIXELS))))
    assert np.array_equal(np.stack([image.pixels for image in read]), PIXELS)
    assert all(image.pixels.flags.c_contiguous for image in read)


def test_a_gzip_that_unpacks_to_gigabytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "MAX_BYTES", 10_000)
    content = b"\0\0\x08\3\0\0\0\x64\0\0\0\x1c\0\0\0\x1c" + bytes(100 * 784)
    (tmp_path / "x.gz").write_bytes(gzip.compress(content))
    with pytest.raises(ImageError, match="more than"):
        next(read_images(tmp_path / "x.gz"))
    with pytest.raises(ImageError, match="more than"):
        next(read_stream(io.BytesIO(content)))


@pytest.mark.parametrize("name", ["gone", "a" * 300, "fifo", "folder"])
def test_folders_pipes_and_missing_files_are_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ImageError):
        next(read_images(tmp_path / name))
