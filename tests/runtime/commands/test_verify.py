"""fmnist-verify through its real entry point, in an environment with the base install alone."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_fails, run_command
from model_files import write_with_shuffled_weights

from fmnist_runtime.errors import FmnistError
from fmnist_runtime.model import golden, model_file, shipped


@pytest.fixture
def verify(base_bin: Path):
    return lambda *arguments: run_command("fmnist-verify", *arguments, folder=base_bin)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_an_exported_file_passes_by_its_golden_file(verify, exported: Path, precision: str) -> None:
    result = verify(exported / f"model-{precision}.tflite", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    keys = ["model", "runtime", "version", "machine", "images", "agreement", "ties", "passed"]
    assert list(document)[: len(keys)] == keys
    assert document["images"] == 200
    assert document["agreement"] >= {"float32": 1.0, "int8": 0.9}[precision]
    assert document["passed"] is True


def test_with_the_data_set_all_test_images_are_checked(
    verify, exported: Path, data_folder: Path, tmp_path: Path
) -> None:
    with_golden = json.loads(verify(exported / "model-int8.tflite", "--data", data_folder, "--json").stdout)
    alone = shutil.copy(exported / "model-int8.tflite", tmp_path)
    without = json.loads(verify(alone, "--data", data_folder, "--json").stdout)
    proof = model_file.read(exported / "model-int8.tflite").description["proofs"][0]
    for document in (with_golden, without):
        assert document["images"] == 10000
        assert document["agreement"] == pytest.approx(proof["agreement"])
        assert document["passed"] is True
    assert "every answer is the recorded one of tflite-runtime 2.14.0" in without["reason"]


def test_a_file_whose_answers_differ_from_its_proof_fails(
    verify, exported: Path, data_folder: Path, tmp_path: Path
) -> None:
    wrong = write_with_shuffled_weights(exported / "model-int8.tflite", tmp_path / "model-int8.tflite")
    golden_file = exported / "model-golden.npz"
    for options in (
        ("--golden", golden_file),
        ("--golden", golden_file, "--data", data_folder),
        ("--data", data_folder),
    ):
        result = verify(wrong, *options)
        assert_fails(result, 1, "model-int8.tflite", "do not use it here")
        assert "\nfailed: " in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped.SHIPPED)
def test_a_shipped_model_is_verified_by_name(verify, data_folder: Path, name: str) -> None:
    golden_images = len(golden.read(shipped.golden_path(name)).images)
    for options, images in ((("--json",), golden_images), (("--json", "--data", data_folder), 10000)):
        result = verify(name, *options)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["images"] == images
    assert json.loads(result.stdout)["agreement"] >= 0.995


def test_bad_input_fails_with_one_line(verify, exported: Path, tmp_path: Path) -> None:
    model = exported / "model-int8.tflite"
    assert_fails(verify(tmp_path / "gone.tflite"), 1, "no such file")
    assert_fails(verify(model, "--golden", tmp_path / "gone.npz"), 1, "gone.npz", "no such file")
    (tmp_path / "bad.npz").write_bytes((exported / "model-golden.npz").read_bytes()[:5000])
    assert_fails(verify(model, "--golden", tmp_path / "bad.npz"), 1, "bad.npz", "not a golden file")
    np.savez(tmp_path / "other.npz", a=1)
    assert_fails(verify(model, "--golden", tmp_path / "other.npz"), 1, "other.npz", "not a golden file")
    assert_fails(verify(model, "--data", tmp_path / "empty"), 1, "does not exist")
    assert_fails(verify("mlp", "--golden", exported / "model-golden.npz"), 1, "exported with the model")
    assert_fails(verify(), 2, "MODEL.tflite")
    assert_fails(verify(model, "--bogus"), 2, "--bogus")


def test_the_golden_file_holds_the_hardest_images_and_all_of_keras_answers(exported: Path, test_split) -> None:
    images = golden.read(exported / "model-golden.npz")
    assert np.array_equal(images.images, test_split.images[images.indices])
    assert np.array_equal(images.expected, images.test_expected[images.indices])
    assert np.array_equal(images.expected, images.probabilities.argmax(axis=1))
    assert len(set(images.indices.tolist())) == 200
    assert set(images.expected.tolist()) == set(range(10))
    first_two = np.sort(images.probabilities, axis=1)[:, -2:]
    margins = first_two[:, 1] - first_two[:, 0]
    assert (np.diff(margins[:128]) >= 0).all()
    assert margins[:128].max() <= margins[128:].min()
    assert images.to_bytes() == (exported / "model-golden.npz").read_bytes()


def test_a_golden_file_of_other_shapes_is_refused(tmp_path: Path) -> None:
    nothing = np.zeros(1, np.uint16)
    wrong = golden.Golden(
        np.zeros((1, 28, 27), np.uint8), nothing, nothing, np.zeros((1, 10), np.float32), nothing, "x"
    )
    (tmp_path / "x.npz").write_bytes(wrong.to_bytes())
    with pytest.raises(FmnistError, match=r"shape \(1, 28, 27\).*expected \(1, 28, 28\) uint8"):
        golden.read(tmp_path / "x.npz")
