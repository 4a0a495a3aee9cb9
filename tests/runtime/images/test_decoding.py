"""Every mode and format that Pillow writes, rotation, size, and damaged pictures."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import png_bytes
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import COLOUR, GREY, decoded, encode
from PIL import Image as Pillow
from PIL import features

from fmnist_runtime.errors import ImageError
from fmnist_runtime.images import decoding, filetypes
from fmnist_runtime.sources.image_files import read_stream


def _skip_without(kind: str) -> None:
    Pillow.init()
    if kind not in Pillow.OPEN or (kind != "QOI" and kind not in Pillow.SAVE):
        pytest.skip(f"this Pillow was built without {kind}")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "QOI", "SGI"])
def test_a_lossless_format_comes_back_exactly(kind: str) -> None:
    _skip_without(kind)
    if kind not in Pillow.SAVE:
        content = b"qoif" + struct.pack(">II", 1, 1) + b"\3\0" + b"\xfe\x01\x02\x03" + bytes(7) + b"\1"
        assert decoded(content).rgb.tolist() == [[[1, 2, 3]]]
        return
    assert np.array_equal(decoded(encode(Pillow.fromarray(COLOUR), kind)).rgb, COLOUR)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "JPEG2000", "GIF"])
def test_a_lossy_format_comes_back_nearly(kind: str) -> None:
    _skip_without(kind)
    picture = decoded(encode(Pillow.fromarray(GREY), kind))
    assert np.abs(picture.rgb[:, :, 0].astype(int) - GREY).mean() < 3


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I;16", "I", "F", "LAB"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    if mode in ("I;16", "I"):
        original = Pillow.fromarray((GREY.astype(np.int32) * 257).astype(np.uint16 if mode == "I;16" else np.int32))
    elif mode == "F":
        original = Pillow.fromarray(GREY.astype(np.float32) / 255)
    elif mode == "LAB":
        original = Pillow.merge("LAB", [Pillow.fromarray(GREY), *[Pillow.new("L", (60, 40), 128)] * 2])
    else:
        original = Pillow.fromarray(GREY).convert(mode)
    assert original.mode == mode
    picture = decoded(encode(original, "TIFF"))
    expected = np.asarray(original.convert("L")) if mode == "1" else GREY
    assert np.abs(picture.rgb.mean(axis=2) - expected).mean() < 3
    assert (picture.alpha is not None) == (mode in ("LA", "RGBA"))


def test_16_bit_png_keeps_its_scale() -> None:
    picture = decoded(encode(Pillow.fromarray(GREY.astype(np.uint16) * 257), "PNG"))
    assert picture.grey is not None
    assert np.array_equal(picture.grey, GREY)


def test_transparency_of_a_palette_and_of_a_single_colour_is_kept() -> None:
    palette = Pillow.fromarray(GREY).convert("P")
    picture = decoded(encode(palette, "PNG", transparency=0))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, GREY == 0)
    picture = decoded(encode(Pillow.fromarray(GREY), "PNG", transparency=int(GREY[0, 5])))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, GREY[0, 5] == GREY)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_rotation_is_undone(orientation: int, kind: str) -> None:
    upright = np.zeros((40, 60), np.uint8)
    upright[:20, :10] = 255  # one corner, so that no two orientations look alike
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # orientation -> the Transpose that undoes it, as EXIF numbers it
    inverse = {0: 0, 1: 1, 2: 4, 3: 3, 4: 2, 5: 5, 6: 6}
    stored = Pillow.fromarray(upright)
    if orientation > 1:
        stored = stored.transpose(Pillow.Transpose(inverse[undo[orientation]]))
    exif = Pillow.Exif()
    exif[274] = orientation
    picture = decoded(encode(stored, kind, exif=exif))
    assert picture.rgb.shape == (40, 60, 3)
    assert np.abs(picture.rgb[:, :, 0].astype(int) - upright).max() < 40


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Pillow.fromarray(np.full((40, 60), grey, np.uint8)) for grey in (10, 200)]
    for kind in ("GIF", "TIFF", "PNG", "WEBP"):
        if kind not in Pillow.SAVE_ALL:
            continue  # WebP in a Pillow that was built without it
        content = encode(frames[0], kind, save_all=True, append_images=frames[1:])
        assert abs(int(decoded(content).rgb.mean()) - 10) <= 2, kind


def test_a_large_picture_is_reduced_and_a_line_stays_a_line() -> None:
    for size, expected in (((3000, 2000), (334, 500)), ((10_000, 1), (1, 500)), ((1, 10_000), (500, 1))):
        picture = decoded(encode(Pillow.new("L", size, 77), "PNG"))
        assert picture.rgb.shape == (*expected, 3)
        assert (picture.rgb == 77).all()


def _png_header(width: int, height: int) -> bytes:
    return png_bytes.SIGNATURE + png_bytes.chunk(b"IHDR", png_bytes.header(width, height))


@pytest.mark.parametrize(
    ("width", "height"), [(5001, 5000), (9000, 9000), (10_000, 9_500), (20_000, 20_000), (2**31 - 1,) * 2]
)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    data = zlib.compress(bytes(1000))
    content = _png_header(width, height) + struct.pack(">I", len(data)) + b"IDAT" + data + bytes(4)
    with pytest.raises(ImageError, match="too large a picture"):
        decoded(content)
    assert width * height > decoding.MAX_DECODED_PIXELS


def test_jpeg_is_decoded_at_a_fraction_of_its_size() -> None:
    content = encode(Pillow.new("L", (6000, 5000), 200), "JPEG")
    assert decoded(content).rgb.shape[1] <= decoding.MAX_SIDE
    with pytest.raises(ImageError, match="8100x8000"):
        decoded(encode(Pillow.new("L", (8100, 8000)), "JPEG"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_cut_picture_is_refused_wherever_it_was_cut(kind: str) -> None:
    rng = np.random.default_rng(0)
    content = encode(Pillow.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)), kind)
    for end in range(filetypes.LENGTH, len(content) - 200, max(1, len(content) // 20)):
        with pytest.raises(ImageError, match=r"damaged or cut-short|nothing in it|not a readable image"):
            decoded(content[:end])


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 1e6])
def test_floats_outside_every_pixel_range_are_refused(value: float) -> None:
    values = np.full((30, 30), 0.5, np.float32)
    values[3, 3] = value
    with pytest.raises(ImageError, match="damaged or cut-short TIFF"):
        decoded(encode(Pillow.fromarray(values), "TIFF"))


def test_pillow_prints_no_warnings(tmp_path: Path) -> None:
    content = bytearray(encode(Pillow.fromarray(COLOUR), "TIFF"))
    entry = content.index(b"\x15\x01\x03\0")  # tag 277, samples per pixel, one SHORT
    content[entry + 8 : entry + 10] = b"\xff\x10"
    (tmp_path / "x.tif").write_bytes(content)
    code = "import sys; from fmnist_runtime import read_images; next(read_images(sys.argv[1]))"
    result = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "x.tif"], capture_output=True, text=True, check=False
    )
    assert result.stderr.startswith("Traceback")  # of this script, and no line before it
    assert "ImageError" in result.stderr


SIGNATURES = [
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"P5\n",
    b"\x93NUMPY",
    b"\0\0\x08",
    b"\x1f\x8b",
]


SAMPLES = [
    encode(Pillow.fromarray(COLOUR[:20, :30].copy()), kind)
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM", "WEBP", "SGI")
    if kind != "WEBP" or features.check("webp")
]


def _image_or_error(content: bytes) -> None:
    """Read `content`; no exception but ImageError may come out, and no warning (filterwarnings is error)."""
    try:
        images = list(read_stream(io.BytesIO(content)))
    except ImageError:
        return
    assert images
    for image in images:
        assert image.pixels.shape == (28, 28)
        assert image.pixels.dtype == np.uint8


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([b"", *SIGNATURES]), st.binary(max_size=300))
def test_any_bytes_give_an_image_or_an_image_error(start: bytes, rest: bytes) -> None:
    _image_or_error(start + rest)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8))
def test_a_damaged_picture_gives_an_image_or_an_image_error(sample: bytes, damage: list[tuple[int, int]]) -> None:
    content = bytearray(sample)
    for place, value in damage:
        content[min(place, len(content) - 1)] = value
    _image_or_error(bytes(content))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.binary(min_size=1, max_size=64),
)
def test_any_small_picture_gives_an_image_or_an_image_error(mode: str, size: tuple[int, int], content: bytes) -> None:
    width, height = size
    row = (
        (width + 7) // 8 if mode == "1" else width * (2 if mode == "I;16" else len(Pillow.new(mode, (1, 1)).getbands()))
    )
    data = (content * (row * height // len(content) + 1))[: row * height]
    _image_or_error(encode(Pillow.frombytes(mode, size, data), "TIFF"))
