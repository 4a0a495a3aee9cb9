"""What the pixels 0 and 255 stand for, as people state it."""

import pytest

from fmnist_runtime.errors import PixelRangeError
from fmnist_runtime.images import pixel_range


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0..1", 0, 1),
        ("0..255", 0, 255),
        ("-1..1", -1, 1),
        (" -0.5 .. .5 ", -0.5, 0.5),
        ("1..0", 1, 0),
        ("0...5", 0, 0.5),
        ("-1e0..+1E+0", -1, 1),
    ],
)
def test_a_range_is_parsed(text: str, low: float, high: float) -> None:
    assert pixel_range.parse(text)[:2] == (low, high)


@pytest.mark.parametrize(
    "text", ["", "1", "0-1", "0..", "..1", "a..b", "0..0", "nan..1", "0..inf", "0..1e39", "0..1..2"]
)
def test_an_invalid_range_is_refused(text: str) -> None:
    with pytest.raises(PixelRangeError, match="expected"):
        pixel_range.parse(text)


def test_mean_and_standard_deviation_give_a_range() -> None:
    assert pixel_range.from_mean_std(0.5, 0.5)[:2] == (-1.0, 1.0)
    low, high = pixel_range.from_mean_std(0.286, 0.353)[:2]
    assert low == pytest.approx(-0.286 / 0.353)
    assert high == pytest.approx(0.714 / 0.353)


@pytest.mark.parametrize(("mean", "std"), [(72.9, 0.35), (0.3, 90.0), (-0.1, 0.3), (0.3, 0.0), (float("nan"), 0.3)])
def test_a_mean_on_another_scale_is_refused(mean: float, std: float) -> None:
    with pytest.raises(PixelRangeError, match=r"on the scale 0\.\.1"):
        pixel_range.from_mean_std(mean, std)


def test_a_quantized_input_gives_its_exact_range() -> None:
    whole = pixel_range.from_quantization("int8", 1 / 255, -128)
    assert whole is not None
    assert whole[:2] == pytest.approx((0.0, 1.0))
    both_signs = pixel_range.from_quantization("int8", 0.0078431, -1)
    assert both_signs is not None
    assert both_signs[:2] == pytest.approx((-127 * 0.0078431, 128 * 0.0078431))
    assert pixel_range.from_quantization("uint8", 1.0, 0)[:2] == (0.0, 255.0)  # type: ignore[index]
    assert pixel_range.from_quantization("int16", 1 / 32767, 0) is None
    assert pixel_range.from_quantization("float32", 0.0, 0) is None
