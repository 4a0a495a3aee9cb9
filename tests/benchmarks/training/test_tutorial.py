import pytest

from fmnist_benchmarks.training.__main__ import summary


def test_the_summary_of_known_runs() -> None:
    runs = [
        {"program": "tutorial", "seconds": seconds, "accuracy": accuracy}
        for seconds, accuracy in [(20.0, 0.86), (18.0, 0.88), (90.0, 0.87)]
    ]
    runs += [{"program": "fmnist-train", "seconds": 8.0, "accuracy": 0.88}]
    result = summary(runs)
    assert result["times_faster"] == pytest.approx(2.5)
    assert result["accuracy_difference"] == pytest.approx(0.01)
