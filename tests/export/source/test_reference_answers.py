"""A model that is not for the data set, or is wrong too often, is refused by its answers."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs the extra [train]")
import json  # noqa: E402
from dataclasses import replace  # noqa: E402
from pathlib import Path  # noqa: E402

import digits  # noqa: E402
import keras_models as models  # noqa: E402
import numpy as np  # noqa: E402
from helpers import assert_fails, run_command  # noqa: E402
from keras import layers  # noqa: E402
from perceptrons import load, load_with_answers, save, train  # noqa: E402

from fmnist_export.source import data_sets  # noqa: E402
from fmnist_export.source.loaded_model import Statement  # noqa: E402
from fmnist_runtime.errors import ExportError  # noqa: E402
from fmnist_runtime.images import pixel_range  # noqa: E402
from fmnist_runtime.model import model_file  # noqa: E402


def _digits_model(folder: Path, low: float = 0, high: float = 1) -> Path:
    return save(train(low, high, layers.Dense(10, "softmax"), split=digits.split(1500, 1), epochs=8), folder)


@pytest.mark.slow
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1)])
def test_a_model_of_ten_other_classes_is_not_taken_for_garments(low: float, high: float, tmp_path: Path) -> None:
    """It was published with garments' names and a range measured on garments: 0.1189 right, agreement 1.0000."""
    path = _digits_model(tmp_path, low, high)
    with pytest.raises(ExportError, match=r"is chance\).*--data DIR and --labels FILE"):
        load(path)
    # The same with the range stated: it is the data set that is missing.
    with pytest.raises(ExportError, match="too few for a model of fashion-mnist"):
        load(path, Statement(pixels=pixel_range.create(low, high, "--pixels"), minimum_accuracy=0))
    dataset = data_sets.load(digits.write(tmp_path / "digits"))
    loaded, answers = load_with_answers(path, Statement(data_is_given=True), dataset)
    assert loaded.pixels[:2] == (low, high)
    assert answers.accuracy > 0.8
    assert loaded.class_names == tuple(f"class {number}" for number in range(10))


@pytest.mark.slow
def test_a_model_of_digits_is_exported_with_its_data_and_its_names(tmp_path: Path) -> None:
    path = _digits_model(tmp_path)
    (tmp_path / "names").write_text("".join(f"digit {number}\n" for number in range(10)))
    options = ("--data", digits.write(tmp_path / "digits"), "--labels", tmp_path / "names", "-o", tmp_path / "out")
    result = run_command("fmnist-export", path, "--quantize", "--json", *options)
    assert result.returncode == 0, result.stderr
    for entry in json.loads(result.stdout)["models"]:
        (proof,) = entry["proofs"]
        assert (proof["images"], proof["agreement"] >= 0.99, proof["keras_accuracy"] > 0.9) == (500, True, True)
        file = model_file.read(Path(entry["path"]))
        assert file.labels == tuple(f"digit {number}" for number in range(10))
        assert file.description is not None
        assert file.description["data"]["name"] == "digits"
    model = tmp_path / "out" / "model-int8.tflite"
    verified = run_command("fmnist-verify", model, "--data", tmp_path / "digits", "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["images"] == 500
    assert_fails(
        run_command("fmnist-verify", model, "--data", data_sets.load().source), 1, "proved with 500", "has 10,000"
    )
    others = digits.write(tmp_path / "others", test=digits.split(500, 3))
    assert_fails(run_command("fmnist-verify", model, "--data", others), 1, "are not those of its golden file")
    assert_fails(run_command("fmnist-verify", "mlp", "--data", tmp_path / "digits"), 1, "proved with 10,000", "has 500")
    assert_fails(run_command("fmnist-export", path, "-o", tmp_path / "none"), 1, "--data DIR", "--labels FILE")
    assert not list((tmp_path / "none").iterdir())


def test_a_dead_model_and_one_that_answers_nan_are_refused(tmp_path: Path) -> None:
    dead = models.sequential()
    dead.layers[-1].set_weights([np.zeros((32, 10)), np.eye(10)[3]])
    path = save(dead, tmp_path)
    with pytest.raises(ExportError, match=r"; 0\.\d+ is chance\)"):
        load(path)
    stated = Statement(pixels=pixel_range.parse("0..1"), data_is_given=True)
    with pytest.raises(ExportError, match=r"not above chance .* export it anyway with --min-accuracy 0"):
        load(path, stated)
    assert load(path, replace(stated, minimum_accuracy=0)).pixels[:2] == (0, 1)
    dead.layers[-1].set_weights([np.full((32, 10), np.nan), np.zeros(10)])
    with pytest.raises(ExportError, match="not finite numbers"):
        load(save(dead, tmp_path), stated)


def test_a_model_below_the_stated_accuracy_is_refused(tmp_path: Path) -> None:
    path = save(models.trained("sequential"), tmp_path)
    with pytest.raises(ExportError, match=r"expected at least 0\.9500 \(--min-accuracy\)"):
        load(path, Statement(minimum_accuracy=0.95))


def test_inverted_pixels_are_below_chance_and_refused(tmp_path: Path) -> None:
    path = save(models.trained("sequential"), tmp_path)
    with pytest.raises(ExportError, match="not above chance"):
        load(path, Statement(pixels=pixel_range.parse("1..0"), data_is_given=True))
