import numpy as np
import pytest

from fmnist_runtime.inference import inputs

IMAGE = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
CASES = [
    ("float32", 0.0, 1.0, 0.0, 0),
    ("float32", 0.0, 255.0, 0.0, 0),
    ("float32", -1.0, 1.0, 0.0, 0),
    ("int8", 0.0, 1.0, 1 / 255, -128),
    ("uint8", 0.0, 1.0, 1 / 255, 0),
    ("int8", 0.0, 1.0, 0.007, -128),
    ("int8", -1.0, 1.0, 2 / 255, 0),
    ("int16", 0.0, 1.0, 1 / 32767, 0),
]


@pytest.mark.parametrize(("dtype", "low", "high", "scale", "zero_point"), CASES)
def test_every_writer_gives_exactly_what_the_definition_gives(dtype, low, high, scale, zero_point) -> None:
    values = inputs.table(np.dtype(dtype), low, high, scale, zero_point)
    view = np.zeros((28, 28), dtype)
    inputs.writer(values, view)(IMAGE)
    real = low + IMAGE.astype(np.float64) * (high - low) / 255
    if dtype == "float32":
        assert np.allclose(view, real, rtol=0, atol=2e-7 * max(abs(low), abs(high)))
    else:
        limits = np.iinfo(dtype)
        exact = real / np.float64(np.float32(scale)) + zero_point
        assert np.abs(view - np.clip(exact, limits.min, limits.max)).max() <= 0.5001


def test_the_tutorials_float_input_is_exactly_pixel_over_255() -> None:
    values = inputs.table(np.dtype("float32"), 0.0, 1.0, 0.0, 0)
    assert np.array_equal(values, np.arange(256, dtype=np.float32) / np.float32(255))


def test_int8_is_the_byte_with_its_sign_bit_flipped() -> None:
    values = inputs.table(np.dtype("int8"), 0.0, 1.0, 0.003921568859368563, -128)
    assert np.array_equal(values, np.arange(256) - 128)


def test_images_that_are_not_contiguous_are_read_right() -> None:
    for dtype, low, high, scale, zero_point in CASES:
        values = inputs.table(np.dtype(dtype), low, high, scale, zero_point)
        one, other = np.zeros((28, 28), dtype), np.zeros((28, 28), dtype)
        inputs.writer(values, one)(IMAGE.T)
        inputs.writer(values, other)(np.ascontiguousarray(IMAGE.T))
        assert np.array_equal(one, other)
