"""fmnist-export through its real entry point, and what it publishes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from helpers import BIN, assert_fails, run_command

from fmnist_export.prove.agreement import MINIMUM_AGREEMENT
from fmnist_export.prove.environments import install
from fmnist_export.prove.proof import compare, run
from fmnist_export.prove.targets import all_targets
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.model import model_file
from fmnist_runtime.system.digests import sha256

# Each runs the real export.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keras_answers(trained: Path, test_split: Split, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """What Keras answers to the test images, from a process of its own: tensorflow stays out of this one."""
    import subprocess

    folder = tmp_path_factory.mktemp("keras")
    np.save(folder / "images.npy", test_split.images)
    code = (
        "import sys, numpy, keras\n"
        "images = numpy.load(sys.argv[2]) / numpy.float32(255)\n"
        "answers = keras.models.load_model(sys.argv[1]).predict(images, batch_size=1000, verbose=0)\n"
        "numpy.save(sys.argv[3], answers)"
    )
    files = [trained / "model.keras", folder / "images.npy", folder / "answers.npy"]
    subprocess.run([BIN / "python", "-c", code, *files], check=True, capture_output=True)
    return np.load(folder / "answers.npy")


@pytest.mark.parametrize(("precision", "least"), [("float32", 1.0), ("int8", 0.997)])
def test_argmax_on_tflite_runtime_agrees_with_keras_over_the_whole_test_set(
    exported: Path, test_split: Split, keras_answers: np.ndarray, precision: str, least: float
) -> None:
    environment = install(all_targets()["tflite-runtime-2.14"], print)
    outputs = run(exported / f"model-{precision}.tflite", test_split.images, environment)
    assert (outputs.runtime, outputs.version) == ("tflite-runtime", "2.14.0")
    assert outputs.values.shape == (10000, 10)
    proof = compare(outputs, keras_answers, test_split.labels)
    assert proof.agreement >= least
    assert proof.ties <= 10
    assert abs(proof.accuracy - proof.keras_accuracy) <= 0.001
    description = model_file.read(exported / f"model-{precision}.tflite").description
    assert description is not None
    assert description["proofs"][0]["agreement"] == proof.agreement


def test_the_json_has_the_promised_keys_and_the_files_are_what_it_says(trained: Path, tmp_path: Path) -> None:
    result = run_command("fmnist-export", trained / "model.keras", "--quantize", "--json", "-o", tmp_path)
    assert result.returncode == 0, result.stderr
    models = json.loads(result.stdout)["models"]
    assert [model["precision"] for model in models] == ["float32", "int8"]
    for model in models:
        assert list(model) == ["path", "precision", "bytes", "sha256", "proofs", "not_proved"]
        assert model["not_proved"] == []
        content = Path(model["path"]).read_bytes()
        assert (len(content), sha256(content)) == (model["bytes"], model["sha256"])
        (proof,) = model["proofs"]
        assert list(proof) == [
            "runtime",
            "version",
            "images",
            "agreement",
            "accuracy",
            "keras_accuracy",
            "ties",
            "disagreements",
        ]
        assert proof["images"] == 10000
        assert len(proof["disagreements"]) == round((1 - proof["agreement"]) * 10000)
    assert {path.name for path in tmp_path.iterdir()} == {
        "model-float32.tflite",
        "model-int8.tflite",
        "model-golden.npz",
        "report.html",
    }


OTHER_MACHINE = {
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "PYTHONHASHSEED": "5",
    "TZ": "Asia/Tokyo",
}


@pytest.mark.parametrize("variables", [{}, OTHER_MACHINE], ids=["again", "with the kernels of an older processor"])
def test_the_same_keras_file_gives_the_same_bytes(exported: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    result = run_command(
        "fmnist-export", exported / "model.keras", "--quantize", "-o", tmp_path, env={**os.environ, **variables}
    )
    assert result.returncode == 0, result.stderr
    for name in ("model-float32.tflite", "model-int8.tflite"):
        assert (tmp_path / name).read_bytes() == (exported / name).read_bytes()


def test_int8_is_int8_in_and_a_quarter_of_the_size(exported: Path) -> None:
    file = model_file.read(exported / "model-int8.tflite")
    assert file.description is not None
    assert (file.description["input"]["dtype"], file.description["input"]["zero_point"]) == ("int8", -128)
    assert file.description["input"]["scale"] == pytest.approx(1 / 255)
    assert (exported / "model-int8.tflite").stat().st_size < 0.28 * (exported / "model-float32.tflite").stat().st_size


def test_a_file_that_disagrees_is_not_published(trained: Path, tmp_path: Path) -> None:
    result = run_command(
        "fmnist-export", trained / "model.keras", "--quantize", "--min-agreement", "1.0", "-o", tmp_path
    )
    assert_fails(result, 1, "int8", "expected at least 1.0000", "nothing was published")
    assert list(tmp_path.iterdir()) == []


def test_the_help_names_the_agreement_that_each_precision_needs() -> None:
    words = " ".join(run_command("fmnist-export", "--help").stdout.split())
    assert "[default: float32 1.0, float16 0.999, int8, dynamic and int16x8 0.99, int8-strict 0.98]" in words
    expected = {
        **dict.fromkeys(("int8", "dynamic", "int16x8"), 0.99),
        "float32": 1.0,
        "float16": 0.999,
        "int8-strict": 0.98,
    }
    assert expected == MINIMUM_AGREEMENT


def test_what_it_prints_fits_80_columns(trained: Path, tmp_path: Path) -> None:
    result = run_command("fmnist-export", trained / "model.keras", "--quantize", "--explain", "-o", tmp_path)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert sum(line.startswith(("precision ", "layer ")) for line in lines) == 3
    for line in lines:
        # A path may be longer, but then it has the line for itself.
        assert len(line) <= 80 or " " not in line, line


def test_bad_input(trained: Path, tmp_path: Path, read_only_folder: Path) -> None:
    model = trained / "model.keras"
    (tmp_path / "no.keras").write_text("hello")
    (tmp_path / "empty.keras").write_text("")
    (tmp_path / "cut.keras").write_bytes(model.read_bytes()[:100000])
    (tmp_path / "empty").mkdir()
    output = ("-o", tmp_path / "o")
    assert_fails(run_command("fmnist-export", tmp_path / "gone.keras", *output), 1, "no such file")
    assert_fails(run_command("fmnist-export", tmp_path / "no.keras", *output), 1, "not a .keras file")
    assert_fails(run_command("fmnist-export", tmp_path / "empty.keras", *output), 1, "not a .keras file")
    assert_fails(run_command("fmnist-export", tmp_path / "cut.keras", *output), 1, "Keras cannot load it")
    assert_fails(run_command("fmnist-export", tmp_path, *output), 1, "a folder without saved_model.pb")
    assert_fails(run_command("fmnist-export", model, "--target", "esp32", *output), 2, "'esp32'", "litert-2.3")
    assert_fails(run_command("fmnist-export", model, "--precision", "int4", *output), 2, "--precision", "int16x8")
    assert_fails(run_command("fmnist-export", model, "--labels", tmp_path / "gone", *output), 1, "cannot be read")
    (tmp_path / "labels").write_text("a\nb\na\n")
    assert_fails(run_command("fmnist-export", model, "--labels", tmp_path / "labels", *output), 1, "'a' appears twice")
    assert_fails(run_command("fmnist-export", model, "--data", tmp_path / "empty", *output), 1, "neither")
    assert_fails(run_command("fmnist-export", model, "-o", read_only_folder / "x"), 1, str(read_only_folder))
    assert_fails(run_command("fmnist-export", model, "--min-agreement", "2"), 2, "--min-agreement")
    assert_fails(run_command("fmnist-export", model, "--bogus"), 2, "--bogus")
    assert_fails(run_command("fmnist-export"), 2, "MODEL.keras")
    assert list((tmp_path / "o").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--pixels", "0-1"), "expected LOW..HIGH"),
        (("--pixels", "1..1"), "two different finite numbers"),
        (("--mean", "0.5"), "--mean and --std belong together"),
        (("--mean", "72.9", "--std", "90"), "divide a value on the scale 0..255 by 255"),
        (("--pixels", "0..1", "--mean", "0.5", "--std", "0.5"), "give one of them"),
        (("--min-accuracy", "2"), "--min-accuracy"),
    ],
)
def test_wrong_statements_are_usage_errors(options: tuple[str, ...], words: str, tmp_path: Path) -> None:
    assert_fails(run_command("fmnist-export", tmp_path / "model.keras", *options), 2, words)
