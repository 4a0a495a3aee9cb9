import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from fmnist_runtime.errors import ImageError
from fmnist_runtime.images import read_images

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)


def _save(path: Path, content: object) -> Path:
    np.save(path, content)
    return path


def test_a_grey_png_passes_through_untouched(tmp_path: Path) -> None:
    Pillow.fromarray(PIXELS[0]).save(tmp_path / "x.png")
    (image,) = read_images(tmp_path / "x.png")
    assert np.array_equal(image.pixels, PIXELS[0])
    assert image.item is None


def test_a_grey_jpeg_is_what_pillow_decodes(tmp_path: Path) -> None:
    Pillow.fromarray(PIXELS[0]).save(tmp_path / "x.jpg", quality=95)
    (image,) = read_images(tmp_path / "x.jpg")
    assert np.array_equal(image.pixels, np.asarray(Pillow.open(tmp_path / "x.jpg")))


def test_arrays_and_stacks(tmp_path: Path) -> None:
    (one,) = read_images(_save(tmp_path / "one.npy", PIXELS[1]))
    assert np.array_equal(one.pixels, PIXELS[1])
    stack = list(read_images(_save(tmp_path / "stack.npy", PIXELS)))
    assert [image.item for image in stack] == [0, 1, 2]
    assert np.array_equal(np.stack([image.pixels for image in stack]), PIXELS)
    (last,) = read_images(tmp_path / "stack.npy", [2])
    assert last.item == 2


def test_idx_with_and_without_gzip(test_images_file: Path, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello", "not an image"),
        (_picture((29, 28), "L"), "29x28"),
        (_picture((28, 28), "RGBA"), "mode RGBA"),
        (_picture((28, 28), "L")[:50], "damaged"),
        (_array(np.zeros((28, 28), np.float32)), "dtype float32"),
        (_array(np.full((28, 28), np.nan)), "not finite"),
        (_array(np.zeros((28, 27), np.uint8)), r"shape \(28, 27\)"),
        (_array(np.zeros((2, 2, 28, 28), np.uint8)), "shape"),
        (_array(np.array([{}], object)), "damaged .npy"),
        (_array(PIXELS)[:-1], "damaged .npy"),
        (gzip.compress(b"hello"), "not an IDX"),
        (b"\0\0\x08\1\0\0\0\2ab", "expected images"),
    ],
)
def test_bad_images_are_refused_in_one_line(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=words) as caught:
        list(read_images(path))
    assert str(path) in str(caught.value)


def test_an_index_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="3 images, so there is no --index 3"):
        list(read_images(_save(tmp_path / "x.npy", PIXELS), [3]))
