"""The comparison of a tensor with its reference on known samples."""

import numpy as np
import pytest

from fmnist_export.explain.tensors import RunningComparison, sqnr


def test_the_sqnr_of_a_uniform_quantizer_is_six_decibels_a_bit() -> None:
    signal = np.random.default_rng(0).uniform(-1, 1, 100_000)
    for bits in (4, 8, 12):
        step = 2 / 2**bits
        noise = np.rint(signal / step) * step - signal
        assert sqnr(signal @ signal, noise @ noise) == pytest.approx(6.02 * bits, abs=0.1)
    assert sqnr(1.0, 0.0) is None
    assert sqnr(0.0, 1.0) is None
    assert sqnr(1.0, 10**-5.0) == pytest.approx(50)


def test_the_ranges_and_shares_of_a_known_sample() -> None:
    comparison = RunningComparison({"dtype": np.int8, "quantization": (0.5, -128)})
    comparison.add(np.array([[0, 1], [2.5, 200]], np.float32), np.array([[-128, -126], [-122, 127]], np.int8))
    comparison.add(np.array([[0, 127.5], [0, 3]], np.float32), np.array([[-128, 127], [-128, -122]], np.int8))
    found = comparison.result()
    assert (found.lowest, found.highest) == (0, 200)
    assert (found.at_least, found.at_greatest, found.clipped) == (3 / 8, 2 / 8, 1 / 8)
    signal, noise = 1 + 2.5**2 + 200**2 + 127.5**2 + 9, 0.5**2 + 72.5**2
    assert found.sqnr_db == pytest.approx(10 * np.log10(signal / noise))
