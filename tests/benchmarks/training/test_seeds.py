import pytest

from fmnist_benchmarks.training.seeds import summary


def test_mean_spread_and_extremes() -> None:
    runs = [
        {"int8_accuracy": 0.87, "keras_accuracy": 0.88, "agreement": 0.99},
        {"int8_accuracy": 0.89, "keras_accuracy": 0.88, "agreement": 1.0},
    ]
    result = summary(runs)
    expected = {"mean": 0.88, "deviation": 0.014142, "least": 0.87, "most": 0.89}
    assert result["int8_accuracy"] == pytest.approx(expected, abs=1e-6)
    assert result["keras_accuracy"]["deviation"] == 0
    assert summary(runs[:1])["agreement"] == {"mean": 0.99, "deviation": 0.0, "least": 0.99, "most": 0.99}
