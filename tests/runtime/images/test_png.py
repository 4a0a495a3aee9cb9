import io
import struct
import tracemalloc
import zlib

import numpy as np
import png_bytes
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from png_bytes import SIGNATURE, chunk

from fmnist_runtime.data.dataset import Split
from fmnist_runtime.images.png import read_plain


def saved(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()


def written(lines: bytes, header: bytes = png_bytes.header(28, 28)) -> bytes:
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def test_the_data_sets_images_are_read_as_pillow_reads_them(test_split: Split) -> None:
    for image in test_split.images[:50]:
        for options in ({}, {"optimize": True}, {"compress_level": 0}):
            pixels = read_plain(saved(Image.fromarray(image), **options))
            assert pixels is not None
            assert pixels.dtype == np.uint8
            assert np.array_equal(pixels, image)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.binary(min_size=28, max_size=28)), min_size=28, max_size=28))
def test_every_filter_gives_what_pillow_gives(lines: list[tuple[int, bytes]]) -> None:
    content = written(b"".join(bytes([kind]) + line for kind, line in lines))
    pixels = read_plain(content)
    assert pixels is not None
    assert np.array_equal(pixels, np.asarray(Image.open(io.BytesIO(content))))


def test_anything_but_the_plainest_png_is_left_to_pillow() -> None:
    grey = Image.new("L", (28, 28), 7)
    turned = Image.Exif()
    turned[0x0112] = 6
    others = [saved(Image.new(mode, (28, 28))) for mode in ("RGB", "P", "LA", "1", "I;16")]
    others += [saved(Image.new("L", (28, 29))), saved(grey, exif=turned), saved(grey, transparency=7)]
    others += [
        written(bytes(28 * 29 + 1)),
        written(bytes(28 * 28)),
        written(b"\5" + bytes(28 * 29 - 1)),
        b"",
        SIGNATURE,
    ]
    others += [written(bytes(28 * 29), png_bytes.header(28, 28, interlace=1))]
    header = png_bytes.header(28, 28)
    others += [written(bytes(28 * 29)).replace(chunk(b"IHDR", header), chunk(b"tEXt", header))]
    assert [number for number, other in enumerate(others) if read_plain(other) is not None] == []
    assert read_plain(saved(grey)) is not None


def test_any_damaged_png_gives_none(test_split: Split) -> None:
    content = saved(Image.fromarray(test_split.images[0]))
    for size in range(len(content) - 1):
        assert read_plain(content[:size]) is None
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 0x10
        assert read_plain(bytes(changed)) is None, position


@pytest.mark.parametrize("bomb", [zlib.compress(bytes(50_000_000))])
def test_a_png_bomb_is_not_inflated(bomb: bytes) -> None:
    header = struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0)
    content = SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", bomb) + chunk(b"IEND", b"")
    tracemalloc.start()
    assert read_plain(content) is None
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
