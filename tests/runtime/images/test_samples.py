"""Samples of more than 8 bits: by how many bits they use, and what a note says about it."""

import io
import zlib
from pathlib import Path

import numpy as np
import png_bytes
import pytest
from pictures import GREY, decoded, encode
from PIL import Image as Pillow

from fmnist_runtime.errors import ImageError
from fmnist_runtime.sources.image_files import read_stream


def _deep_png(values: np.ndarray, sbit: bytes = b"") -> bytes:
    """A PNG of 16-bit samples, (height, width[, channels]), with an sBIT chunk where one is given."""
    height, width = values.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[values.size // (height * width)]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    chunks = [(b"IHDR", png_bytes.header(width, height, 16, colour))]
    chunks += [(b"sBIT", sbit)] if sbit else []
    chunks += [(b"tEXt", b"a\0b"), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return png_bytes.SIGNATURE + b"".join(png_bytes.chunk(kind, data) for kind, data in chunks)


def _at_depth(bits: int) -> np.ndarray:
    """The grey values of GREY as a camera of that many bits delivers them."""
    return np.rint(GREY.astype(float) / 255 * (2**bits - 1)).astype(np.uint16)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_16_bit_samples_are_scaled_by_the_bits_that_they_use_with_a_note(bits: int) -> None:
    values = _at_depth(bits)
    for content in (_deep_png(values), encode(Pillow.fromarray(values), "TIFF")):
        picture = decoded(content)
        assert picture.grey is not None
        assert np.array_equal(picture.grey, GREY)
        expected = f"16-bit samples up to {2**bits - 1}: read as {bits} bits"
        assert (picture.note is None) if bits == 16 else picture.note.startswith(expected)


@pytest.mark.parametrize(
    ("values", "sbit", "expected", "said"),
    [
        # As the specification has it: 10 bits scaled up to 16, by a shift or by repetition.
        (_at_depth(10) << 6, b"\x0a", np.rint((_at_depth(10) << 6) / 65535 * 255), None),
        (_at_depth(10) << 6, b"", np.rint((_at_depth(10) << 6) / 65535 * 255), None),
        (_at_depth(16), b"\x0a", GREY, None),
        # Not scaled up, and said to be so.
        (_at_depth(10), b"\x0a", GREY, "read as 10 bits, as its sBIT chunk says"),
        (_at_depth(10) // 4, b"\x0a", GREY / 4, "read as 10 bits, as its sBIT chunk says"),
        (_at_depth(11), b"\x0b", GREY, "read as 11 bits, as its sBIT chunk says"),
        # A dark picture, said to be of 16 bits.
        (_at_depth(10), b"\x10", GREY / 64, None),
        # An invalid sBIT is ignored.
        (_at_depth(12), b"\0", GREY, "read as 12 bits, if it is a dark"),
    ],
)
def test_sbit_sets_how_many_bits_count(values: np.ndarray, sbit: bytes, expected: np.ndarray, said: str | None) -> None:
    picture = decoded(_deep_png(values, sbit))
    assert picture.grey is not None
    assert np.abs(picture.grey.astype(int) - expected).max() <= 1
    assert picture.note is said or said in picture.note


def test_samples_that_their_header_scales_are_not_scaled_again() -> None:
    dark = (_at_depth(10) // 16).astype(">u2")
    picture = decoded(b"P5\n60 40\n1023\n" + dark.tobytes())
    assert picture.grey is not None
    assert np.abs(picture.grey.astype(int) - GREY / 16).max() <= 1
    assert picture.note is None


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_16_bit_colours_are_scaled_up_or_refused_never_black(channels: int) -> None:
    def colours(bits: int) -> np.ndarray:
        values = np.repeat(_at_depth(bits)[:, :, np.newaxis], channels, axis=2)
        if channels in (2, 4):
            values[:, :, -1] = 65535
        return values

    for bits, steps in ((16, 1), (14, 5)):
        picture = decoded(_deep_png(colours(bits)))
        assert picture.grey is not None
        assert np.abs(picture.grey.astype(int) - GREY).max() <= steps
        assert (picture.note is None) == (bits == 16)
    for bits in (10, 12):
        with pytest.raises(ImageError, match=f"^x: 16-bit colours that use {bits} bits, .* save it in 8 bits"):
            decoded(_deep_png(colours(bits)))


def test_a_note_on_samples_is_joined_with_the_others(tmp_path: Path) -> None:
    grey = GREY[:28, :28]
    content = _deep_png(np.rint(grey / 255 * 1023).astype(np.uint16))
    (image,) = read_stream(io.BytesIO(content))
    assert np.array_equal(image.pixels, grey)
    assert image.note is not None
    assert "read as 8 bits" in image.note or "read as 10 bits" in image.note
