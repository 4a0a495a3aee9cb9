"""What each runtime takes, and files known to be bad: each refused by its own reason."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("tensorflow", reason="needs the extra [train]")

import keras_models as models
from helpers import ROOT

from fmnist_export import pipeline
from fmnist_export.convert import converter as convert
from fmnist_export.convert.calibration_sample import CalibrationSample
from fmnist_export.convert.quiet_output import quiet_output
from fmnist_export.prepare.fixed_batch import with_fixed_batch
from fmnist_export.prove import environments, graph_checks, targets
from fmnist_export.source import keras_model
from fmnist_runtime.data.dataset import to_float
from fmnist_runtime.errors import ExportError
from fmnist_runtime.flatbuffer import graph

# Measured before the project began (docs/measurements.md, "Operator versions").
FACTS = {
    "tflite-runtime-2.13": {"FULLY_CONNECTED": 10, "CONV_2D": 7, "QUANTIZE": 3, "STRIDED_SLICE": 6, "PACK": 3},
    "tflite-runtime-2.14": {"FULLY_CONNECTED": 10, "CONV_2D": 7, "DEQUANTIZE": 5, "STRIDED_SLICE": 8, "PACK": 4},
    "litert-1.4": {"FULLY_CONNECTED": 13, "CONV_2D": 8, "DEQUANTIZE": 6, "SOFTMAX": 3, "MUL": 7},
    "litert-2.3": {"FULLY_CONNECTED": 14, "CONV_2D": 8, "DEQUANTIZE": 9, "SOFTMAX": 4, "MUL": 8},
}


@pytest.fixture(scope="module")
def model():
    return models.trained("sequential")


@pytest.fixture(scope="module")
def calibration():
    return to_float(CalibrationSample().images(models.dataset().train))


def test_the_table_says_what_was_measured() -> None:
    for name, highest in FACTS.items():
        operators = targets.all_targets()[name].operators
        assert {operator: operators[operator] for operator in highest} == highest


def test_targets_are_chosen_by_name_and_all_are_the_current_ones() -> None:
    assert [target.name for target in targets.select(["all"])] == ["tflite-runtime-2.14", "litert-2.3"]
    assert [target.name for target in targets.select(["litert-1.4", "litert-1.4"])] == ["litert-1.4"]
    with pytest.raises(ExportError, match=r"'tflite-9' is unknown, expected tflite-runtime-2.9, .* or all"):
        targets.select(["tflite-9"])
    assert targets.all_targets()["tflite-runtime-2.14"].is_version("2.14.0")
    assert not targets.all_targets()["litert-2.1"].is_version("2.14.0")


@pytest.mark.slow
def test_a_dense_layer_of_version_12_is_refused_where_it_is_unknown(model, calibration) -> None:
    """The dynamic-range file that TensorFlow writes unless it is told otherwise (docs/measurements.md, trap 3)."""
    tensorflow = keras_model.import_tensorflow()
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(with_fixed_batch(model, calibration))
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    with quiet_output():
        converted = graph.read(bytes(converter.convert()))
    assert converted.versions["FULLY_CONNECTED"] == 12
    (refusal,) = targets.incompatibilities(converted, targets.all_targets()["tflite-runtime-2.14"])
    assert "accepts FULLY_CONNECTED up to version 10, the model has version 12" in refusal
    assert "export for litert-1.0, litert-1.4, litert-2.1, litert-2.3 or with --precision int8" in refusal
    assert not targets.incompatibilities(converted, targets.all_targets()["litert-2.3"])


@pytest.mark.slow
def test_a_scale_for_each_output_of_a_dense_layer_is_refused_for_old_runtimes(model, calibration) -> None:
    """It loads there and agrees on 45.7 % of the images (docs/measurements.md, trap 4)."""
    converted = convert.convert(model, "int8-strict", calibration).graph
    old = targets.all_targets()["tflite-runtime-2.9"]
    assert converted.versions["FULLY_CONNECTED"] <= old.operators["FULLY_CONNECTED"]
    (refusal,) = targets.incompatibilities(converted, old)
    assert "gives wrong answers without an error" in refusal
    assert "--precision float32, or for tflite-runtime-2.13 or later" in refusal
    floats = convert.convert(model, "float32", calibration).graph
    assert not targets.incompatibilities(floats, targets.all_targets()["tflite-runtime-2.9"])


def test_a_shell_without_its_variables_is_refused(model) -> None:
    """What from_concrete_functions can write of a Keras 3 model (docs/measurements.md, trap 6)."""
    tensorflow = keras_model.import_tensorflow()
    function = tensorflow.function(lambda image: model(image))
    concrete = function.get_concrete_function(tensorflow.TensorSpec((1, 28, 28)))
    with quiet_output():
        shell = bytes(tensorflow.lite.TFLiteConverter.from_concrete_functions([concrete], model).convert())
    assert len(shell) < 5000
    with pytest.raises(ExportError, match=r"variables that were not frozen .*VAR_HANDLE"):
        graph_checks.check_graph(graph.read(shell), model.count_params(), "float32")


def test_a_file_with_few_weights_is_a_shell(model, calibration) -> None:
    small = convert.convert(model, "float32", calibration).graph
    graph_checks.check_graph(small, model.count_params(), "float32")
    with pytest.raises(ExportError, match=r"a shell: it holds 25,\d+ constants, and the Keras model has 101,770"):
        graph_checks.check_graph(small, 101_770, "float32")


@pytest.mark.slow
def test_a_refused_model_is_not_published(tmp_path: Path) -> None:
    path = models.save("sequential", tmp_path)
    for names in (("tflite-runtime-2.9",), ("all", "tflite-runtime-2.9")):
        with pytest.raises(ExportError, match=r"int8 is refused, nothing was published: tflite-runtime-2\.9 loads"):
            pipeline.export(path, tmp_path, models.dataset(), precisions=("float32", "int8"), target_names=names)
    assert not list(tmp_path.glob("*.tflite"))


@pytest.mark.slow
def test_a_target_without_an_interpreter_here_is_not_proved_and_never_passed(tmp_path: Path) -> None:
    path = models.save("sequential", tmp_path)
    with pytest.raises(
        ExportError, match=r"no target's interpreter is available here.*no wheel for Python 3\.10 or later"
    ):
        pipeline.export(path, tmp_path, models.dataset(), target_names=("tflite-runtime-2.9",))
    (file,) = pipeline.export(path, tmp_path, models.dataset(), target_names=("all", "tflite-runtime-2.9"))
    assert [missing.target for missing in file.missing_proofs] == ["tflite-runtime-2.9"]
    assert "tflite-runtime 2.9" not in {f"{proof.runtime} {proof.version[:3]}" for proof in file.proofs}
    assert file.as_json()["not_proved"][0]["target"] == "tflite-runtime-2.9"


@pytest.mark.slow
def test_an_environment_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(environments.UnavailableTargetError, match="could not be installed"):
        environments.install(targets.all_targets()["litert-1.4"], lambda _: None)
    assert not (tmp_path / "fmnist-edge" / "targets" / "litert-1.4").exists()


def test_the_table_in_the_docs_is_the_one_that_is_used() -> None:
    assert targets.markdown_table() in (ROOT / "docs" / "compatibility.md").read_text()
