"""The figures of errors: their numbers on examples made by hand, and the real command on the shipped model."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import BIN, run_command

from fmnist_benchmarks.errors import calibration, predictions
from fmnist_benchmarks.errors.predictions import ConfusedPair, Predictions
from fmnist_runtime.data.dataset import Split

LABELS = np.array([0, 0, 6, 6, 4], np.uint8)


def _predictions(classes: list[int], scores: list[float]) -> Predictions:
    found = np.array(classes, np.int64)
    return Predictions("a", "a.tflite", "tflite-runtime 2.14.0", found, np.array(scores), found == LABELS)


def test_the_calibration_error_of_an_example_is_the_one_computed_by_hand() -> None:
    scores, right = np.array([0.95, 0.95, 0.6, 0.6]), np.array([True, False, True, True])
    # Half of the images at 0.95, half of them right; the other half at 0.6, all right: (0.45 + 0.4) / 2.
    bins = calibration.reliability(scores, right, bins=10)
    assert calibration.expected_error(bins) == pytest.approx(0.425)
    assert [one.count for one in bins] == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]  # 0.6 is in (0.5, 0.6]
    assert (bins[9].confidence, bins[9].accuracy) == (pytest.approx(0.95), 0.5)
    assert bins[0].accuracy is None
    # In a single bin, three of four are right and the mean score is 0.775.
    assert calibration.expected_error(calibration.reliability(scores, right, bins=1)) == pytest.approx(0.025)


def test_scores_at_the_ends_are_in_the_outer_bins() -> None:
    bins = calibration.reliability(np.array([0.0, 1.0]), np.array([False, True]))
    assert len(bins) == 15
    assert (bins[0].count, bins[14].count) == (1, 1)
    assert calibration.expected_error(bins) == 0


def test_pairs_count_both_ways_and_the_worst_is_first() -> None:
    one, other = _predictions([6, 0, 0, 0, 4], [0.9, 0.9, 0.6, 0.8, 1.0]), _predictions([6, 0, 6, 6, 6], [0.5] * 5)
    assert predictions.confused_pairs(LABELS, [one, other]) == [
        ConfusedPair(0, 6, (1, 1), (2, 0)),
        ConfusedPair(4, 6, (0, 1), (0, 0)),
    ]
    assert predictions.confusion(LABELS, one.classes)[6, 0] == 2
    assert predictions.example_indices(ConfusedPair(0, 6, (1,), (2,)), LABELS, one, 2) == [0, 3]


def test_images_that_all_models_get_wrong_come_by_mean_score() -> None:
    one, other = (
        _predictions([6, 6, 0, 6, 4], [0.5, 0.9, 0.7, 1, 1]),
        _predictions([2, 6, 0, 0, 4], [0.5, 0.9, 0.5, 1, 1]),
    )
    assert predictions.failed_by_all([one, other]) == [1, 2, 0]
    assert predictions.most_accurate([one, other]) is one


@pytest.mark.slow
def test_the_command_draws_and_counts(tmp_path: Path, test_split: Split) -> None:
    command = ("-m", "fmnist_benchmarks.errors", "one=mlp", "two=mlp", "-o", tmp_path, "--json")
    result = run_command("python", *command, folder=BIN)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    one, two = document["models"]
    assert (one["name"], two["name"]) == ("one", "two")
    assert one["errors"] == two["errors"] == document["all_fail"]["count"] == len(document["all_fail"]["indices"])
    assert one["errors"] == round(10_000 * (1 - one["accuracy"]))
    assert sum(one["confusion"][number][number] for number in range(10)) == 10_000 - one["errors"]
    assert np.array(one["confusion"]).sum(axis=1).tolist() == np.bincount(test_split.labels).tolist()
    assert sum(entry["count"] for entry in one["bins"]) == 10_000
    assert 0 < one["expected_calibration_error"] < 0.1
    assert "Shirt" in document["pairs"][0]["classes"]
    names = ("confusion-one", "confusion-two", "pairs", "pair-examples", "all-fail", "calibration")
    for name in names:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_it_draws_without_tensorflow_and_training() -> None:
    heavy = {"tensorflow", "keras", "fmnist_train"}
    code = f"import sys, fmnist_benchmarks.errors.figures; print({heavy} & set(sys.modules))"
    assert run_command("python", "-c", code, folder=BIN).stdout == "set()\n"
