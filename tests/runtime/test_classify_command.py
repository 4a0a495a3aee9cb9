"""fmnist-classify through its real entry point, in an environment with the base install alone."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from fmnist_runtime.dataset import Split
from helpers import assert_fails, run_command


@pytest.fixture
def classify(base_bin: Path):
    return lambda *arguments, **options: run_command("fmnist-classify", *arguments, folder=base_bin, **options)


def test_the_base_environment_is_bare(base_bin: Path) -> None:
    names = ("tensorflow", "keras", "matplotlib", "pytest")
    code = f"import importlib.util as u; print([name for name in {names} if u.find_spec(name)])"
    assert subprocess.check_output([base_bin / "python", "-c", code], text=True) == "[]\n"


def test_install_and_one_command_give_an_answer(classify, test_images_file: Path) -> None:
    result = classify(test_images_file, "--index", 0)
    assert result.returncode == 0
    assert "Ankle boot" in result.stdout


def test_the_json_has_the_promised_keys(classify, test_images_file: Path) -> None:
    result = classify(test_images_file, "--index", 0, "--index", 2, "--top", 3, "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["item"] for line in lines] == [0, 2]
    assert list(lines[0]) == ["source", "item", "index", "label", "score", "top", "model", "runtime"]
    assert (lines[0]["index"], lines[0]["label"], lines[0]["runtime"]) == (9, "Ankle boot", "tflite-runtime 2.14.0")
    assert [list(entry) for entry in lines[0]["top"]] == [["index", "label", "score"]] * 3
    assert result.stderr == ""


def test_every_kind_of_file_gives_the_same_answer(classify, test_split: Split, tmp_path: Path) -> None:
    image = test_split.images[3]
    Pillow.fromarray(image).save(tmp_path / "a.png")
    Pillow.fromarray(image).save(tmp_path / "b.jpg", quality=100)
    np.save(tmp_path / "c.npy", image)
    np.save(tmp_path / "d.npy", test_split.images[2:4])
    result = classify(*sorted(tmp_path.iterdir()), "--json")
    answers = [json.loads(line)["label"] for line in result.stdout.splitlines()]
    assert answers == ["Trouser"] * 5


def test_help_needs_neither_numpy_nor_an_interpreter(base_bin: Path) -> None:
    code = (
        "import sys\n"
        "from fmnist_runtime.commands.classify import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('numpy', 'PIL', 'tflite_runtime', 'ai_edge_litert') if name in sys.modules])"
    )
    output = subprocess.check_output([base_bin / "python", "-c", code], text=True)
    assert output.endswith("[]\n")
    assert "IMAGE..." in output


def test_one_bad_image_does_not_hide_the_others(classify, test_split: Split, tmp_path: Path) -> None:
    np.save(tmp_path / "good.npy", test_split.images[0])
    result = classify(tmp_path / "missing.png", tmp_path / "good.npy", "--json")
    assert_fails(result, 1, "missing.png", "No such file")
    assert json.loads(result.stdout)["label"] == "Ankle boot"


def test_bad_images(classify, tmp_path: Path) -> None:
    for name, array, words in [
        ("nan.npy", np.full((28, 28), np.nan, np.float32), "not finite"),
        ("float.npy", np.zeros((28, 28)), "dtype float64"),
        ("shape.npy", np.zeros((14, 14), np.uint8), "(14, 14)"),
    ]:
        np.save(tmp_path / name, array)
        assert_fails(classify(tmp_path / name), 1, name, words, "expected")
    assert_fails(classify(tmp_path), 1, "a folder")


def test_bad_models(classify, tmp_path: Path, test_images_file: Path) -> None:
    image = (test_images_file, "--index", 0)
    (tmp_path / "no.tflite").write_text("hello")
    assert_fails(classify(*image, "--model", tmp_path / "no.tflite"), 1, "no.tflite", "not a TFLite model")
    assert_fails(classify(*image, "--model", tmp_path / "gone.tflite"), 1, "no such file")
    assert_fails(classify(*image, "--model", tmp_path), 1, "a folder")
    shipped = next((Path(__file__).parents[2] / "runtime/fmnist_runtime/models").glob("mlp-int8.tflite"))
    shutil.copy(shipped, tmp_path / "cut.tflite")
    with (tmp_path / "cut.tflite").open("r+b") as file:
        file.truncate(50000)
    assert_fails(classify(*image, "--model", tmp_path / "cut.tflite"), 1, "cut.tflite", "cut short")


def test_usage_errors(classify, test_images_file: Path) -> None:
    assert_fails(classify(), 2, "Missing argument", "--help")
    assert_fails(classify(test_images_file, "--bogus"), 2, "No such option", "--bogus")
    assert_fails(classify(test_images_file, "--top", "0"), 2, "--top")
    assert_fails(classify(test_images_file, "--index", "10000"), 1, "10000 images")
    assert_fails(classify(test_images_file, "--backend", "litert", "--index", "0"), 1, "LiteRT is not installed")


def test_a_reader_that_stops_early_is_no_error(base_bin: Path, test_images_file: Path) -> None:
    command = f"{base_bin / 'fmnist-classify'} {test_images_file} | head -1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert result.stdout.count("\n") == 1
    assert "Traceback" not in result.stderr
    assert "Error" not in result.stderr
