"""Costs and shares on known samples, and an explanation where nothing is lost."""

import pytest

from fmnist_export.explain.result import Explanation, layer_costs
from fmnist_export.explain.text import summary


def test_costs_add_up_and_equal_noise_has_equal_shares() -> None:
    # Equal noise at each layer: the standard deviation of the sum, and so the disagreement, grows with the root.
    found = layer_costs([1.0, 0.99, 1 - 0.01 * 2**0.5, 1 - 0.01 * 3**0.5])
    assert sum(cost for cost, _ in found) == pytest.approx(0.01 * 3**0.5)
    assert [share for _, share in found] == pytest.approx([1 / 3] * 3)
    assert found[0][0] > found[1][0] > found[2][0]
    assert layer_costs([1.0, 1.0]) == [(0.0, 0.0)]


def test_where_nothing_is_lost_no_layer_is_named() -> None:
    found = Explanation("int8", "litert", "2.3.0", 4000, 500, 1.0, 1.0, ())
    assert found.costliest is None
    assert found.as_json()["costliest"] is None
    assert summary(found).endswith("no layer loses agreement")
