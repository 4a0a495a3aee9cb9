"""The comparison with ai-edge-quantizer: real files, the package itself where it is installed, and the docs' table."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from environments import run_python
from helpers import ROOT, run_command

from fmnist_benchmarks.publish import markdown_tables, record, tables
from fmnist_benchmarks.quantization.ai_edge import comparison, export_folder, recipes, table
from fmnist_benchmarks.quantization.ai_edge.comparison import Evaluation, QuantizedFile
from fmnist_runtime.errors import FmnistError

MODULE = "fmnist_benchmarks.quantization.ai_edge"
INT8_PAGE = ROOT / "docs" / "int8.md"
PEERS = ROOT / ".venv-peers" / "bin" / "python"


@pytest.fixture(scope="session")
def int8_export(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the real fmnist-export with all that the comparison needs."""
    folder = tmp_path_factory.mktemp("int8") / "mlp"
    options = ("--precision", "float32", "--precision", "int8", "--precision", "int8-strict", "--target", "all")
    result = run_command("fmnist-export", trained / "model.keras", *options, "-o", folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def peers_python() -> Path:
    """The Python that has ai-edge-quantizer."""
    if not PEERS.exists() or run_python(PEERS, "-c", "import ai_edge_quantizer").returncode != 0:
        pytest.skip("no ai-edge-quantizer in .venv-peers; install it with: make peers")
    return PEERS


def test_every_recipe_is_quantized_and_evaluated_on_both_runtimes(
    peers_python: Path, int8_export: Path, tmp_path: Path
) -> None:
    options = ("--runs", 20, "--processes", 1, "-o", tmp_path, "--json")
    result = run_python(peers_python, "-m", MODULE, int8_export, *options)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    [model] = document["models"]
    assert model["calibration"] == {"split": "train", "count": 2000, "seed": 0}
    assert document["images"] == 10_000
    found = {(file["tool"], file["recipe"]): file for file in model["files"]}
    expected = [("fmnist-edge", "int8"), ("fmnist-edge", "int8-strict")]
    assert list(found) == expected + [("ai-edge-quantizer", recipe.title) for recipe in recipes.RECIPES]
    for (tool, name), file in found.items():
        assert 100_000 < file["bytes"] < 115_000, name
        by_runtime = {one["runtime"]: one for one in file["evaluations"]}
        assert set(by_runtime) == {"tflite-runtime", "litert"}
        assert all(one["error"] is None and one["invoke_us"]["middle"] > 0 for one in by_runtime.values()), name
        assert by_runtime["litert"]["agreement"] > 0.98, name
        if tool == "fmnist-edge":
            proof = _proof(int8_export / f"model-{name}.tflite", "litert")
            assert by_runtime["litert"]["agreement"] == proof["agreement"]
            assert by_runtime["litert"]["accuracy"] == proof["accuracy"]
            assert by_runtime["litert"]["ties"] == proof["ties"]
    assert all(one["times_int8"]["middle"] == 1 for one in found["fmnist-edge", "int8"]["evaluations"])
    strict, full = found["fmnist-edge", "int8-strict"], found["ai-edge-quantizer", "static_wi8_ai8, full ranges"]
    assert strict["evaluations"][1]["agreement"] == pytest.approx(full["evaluations"][1]["agreement"], abs=0.002)
    dynamic = found["ai-edge-quantizer", "dynamic_wi8_afp32"]
    # tflite-runtime 2.14 loads it without a word: the file states version 1 of an operator that needs version 12.
    assert dynamic["evaluations"][0]["agreement"] < 0.5
    assert table.markdown(document).count("\n| ") == 2 * (2 + len(found))


def _proof(path: Path, runtime: str) -> dict[str, Any]:
    from fmnist_runtime.model import model_file

    description = model_file.read(path).description
    assert description is not None
    [proof] = [proof for proof in description["proofs"] if proof["runtime"] == runtime]
    assert isinstance(proof, dict)
    return proof


def test_an_environment_without_the_package_is_refused_with_the_way_out(tmp_path: Path) -> None:
    if importlib.util.find_spec("ai_edge_quantizer"):
        pytest.skip("this Python has ai-edge-quantizer")
    result = run_python(Path(sys.executable), "-m", MODULE, tmp_path)
    assert result.returncode == 1
    assert "ai-edge-quantizer is not installed in this Python; run make peers" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_export_is_read_with_its_files_and_keras_answers(int8_export: Path) -> None:
    export = export_folder.read(int8_export)
    assert export.name == "mlp"
    assert export.pixel_range == (0.0, 1.0)
    assert export.input_shape == (28, 28)
    assert export.keras_answers.shape == (10_000,)
    assert export.training_command is not None
    assert export.training_command.startswith("fmnist-train --model mlp")


def test_a_folder_that_lacks_a_file_is_refused(int8_export: Path, tmp_path: Path) -> None:
    with pytest.raises(FmnistError, match=r"0 files \*-float32.tflite, expected one; run fmnist-export MODEL.keras"):
        export_folder.read(tmp_path)
    shutil.copy(int8_export / "model-float32.tflite", tmp_path)
    with pytest.raises(FmnistError, match=r"no model-int8.tflite; run fmnist-export"):
        export_folder.read(tmp_path)


def test_a_failed_recipe_is_a_row_with_its_message(int8_export: Path) -> None:
    """Rows of a document that was made by hand: one file that ran, one recipe that failed."""
    file = QuantizedFile("ai-edge-quantizer", "broken", path=None, bytes=None, error="ValueError: a|b")
    evaluation = Evaluation("litert", "2.3.0", error=file.error)
    document = json.loads(markdown_tables.AI_EDGE.read_text())
    model = {**document["models"][0], "files": [_as_json(file, evaluation)]}
    text = table.markdown({**document, "models": [model]})
    assert "| broken | - | does not run: ValueError: a\\|b | - | - | - | - |" in text


def _as_json(file: QuantizedFile, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "tool": file.tool,
        "recipe": file.recipe,
        "bytes": file.bytes,
        "evaluations": [evaluation.as_json()],
    }


def test_a_ratio_is_the_median_over_the_rounds() -> None:
    result, baseline = ({"processes": {"invoke_us.p50": p50}} for p50 in ([2.0, 4.0, 9.0], [1.0, 1.0, 3.0]))
    assert comparison.latency_ratio(result, baseline) == (2.0, 3.0, 4.0)


def test_the_page_says_what_was_measured() -> None:
    text = INT8_PAGE.read_text()
    assert "<!-- benchmark:ai-edge-quantizer -->\n" in text
    assert tables.fill(text, record.read(tables.REFERENCE)) == text


def test_the_recorded_result_is_complete() -> None:
    document = record.read(markdown_tables.AI_EDGE)
    assert document["command"].startswith("python -m fmnist_benchmarks.quantization.ai_edge MODEL...")
    titles = ["int8", "int8-strict", *(recipe.title for recipe in recipes.RECIPES)]
    for model in document["models"]:
        assert [file["recipe"] for file in model["files"]] == titles
        assert all(len(file["evaluations"]) == 2 for file in model["files"])
        assert {condition["runtime"] for condition in model["conditions"]} == {"tflite-runtime", "litert"}
