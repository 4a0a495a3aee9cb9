"""The weights are changed as promised: on the converter's grid, with less error, and with the same answers."""

import numpy as np

from fmnist_export.prepare.compensation import compensate


def _problem() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    # Neighbouring inputs that are alike, as pixels are: what makes up for an error must be there.
    inputs = np.cumsum(rng.normal(size=(2000, 40)), axis=1)
    return rng.normal(size=(40, 8)), inputs


def test_every_weight_is_on_the_grid_that_the_converter_will_find() -> None:
    kernel, inputs = _problem()
    rounded = compensate(kernel, inputs.T @ inputs / len(inputs))
    scales = np.abs(rounded).max(axis=0) / 127
    steps = rounded / scales
    assert np.abs(steps - np.rint(steps)).max() < 1e-9


def test_the_error_at_the_outputs_is_less_than_by_rounding_each_weight() -> None:
    kernel, inputs = _problem()
    rounded = compensate(kernel, inputs.T @ inputs / len(inputs))
    scales = np.abs(kernel).max(axis=0) / 127
    nearest = np.rint(kernel / scales) * scales
    error, plain = inputs @ (rounded - kernel), inputs @ (nearest - kernel)
    assert (error**2).sum() < 0.25 * (plain**2).sum()


def test_an_output_without_weights_stays_zero() -> None:
    kernel, inputs = _problem()
    kernel[:, 3] = 0
    assert not compensate(kernel, inputs.T @ inputs / len(inputs))[:, 3].any()
