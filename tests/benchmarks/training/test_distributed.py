import pytest

from fmnist_benchmarks.training.distributed import SETUPS, images_a_second, summary


def test_the_first_epoch_does_not_count() -> None:
    assert images_a_second(1000, [9.0, 2.0, 2.0]) == 500
    assert images_a_second(1000, [4.0]) == 250


def test_the_summary_of_known_runs() -> None:
    speeds = dict(zip(SETUPS, (1000.0, 1600.0, 500.0, 800.0), strict=True))
    runs = [
        {"setup": setup, "images_a_second": speed * factor, "accuracy": 0.88 + factor / 100}
        for setup, speed in speeds.items()
        for factor in (0, 1, 2)
    ]
    two_workers = summary(runs)["two-workers"]
    assert two_workers["images_a_second"] == 800
    assert two_workers["accuracy"] == pytest.approx(0.89)
    assert two_workers["times_one-core"] == pytest.approx(0.8)
    assert two_workers["times_two-cores"] == pytest.approx(0.5)
    assert two_workers["times_step-by-step"] == pytest.approx(1.6)
