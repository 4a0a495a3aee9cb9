"""Keras models as people save them: exported and right, or refused in one line that names the way out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs the extra [train]")
import keras_models as models  # noqa: E402
from helpers import BIN, assert_fails, run_command  # noqa: E402
from keras import layers  # noqa: E402

from fmnist_export import pipeline  # noqa: E402
from fmnist_export.source import keras_model, loaded_model, reference_answers  # noqa: E402
from fmnist_export.source.loaded_model import Statement  # noqa: E402
from fmnist_runtime.errors import ExportError  # noqa: E402
from fmnist_runtime.images import pixel_range  # noqa: E402

# Each trains or exports a model.
pytestmark = pytest.mark.slow

UNIT = Statement(pixels=pixel_range.parse("0..1"), data_is_given=True)
ANY = Statement(pixels=pixel_range.parse("0..1"), data_is_given=True, minimum_accuracy=0)


def _export(path: Path, folder: Path, stated: Statement = UNIT, precisions: tuple[str, ...] = ("float32",)):
    return pipeline.export(path, folder, models.dataset(), stated=stated, precisions=precisions)


@pytest.fixture(scope="module")
def trained_model() -> "keras.Model":
    return models.trained("sequential")


@pytest.fixture(scope="module")
def saved(trained_model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    trained_model.save(path)
    return path


def _settings(folder: Path, text: str) -> dict[str, str]:
    (folder / "keras.json").write_text(text)
    return {"KERAS_HOME": str(folder)}


@pytest.mark.parametrize(
    ("variables", "settings", "words"),
    [
        ({"KERAS_BACKEND": "jax"}, None, "KERAS_BACKEND=jax is set: fmnist-edge needs tensorflow"),
        ({"KERAS_BACKEND": "torch"}, None, "KERAS_BACKEND=torch is set"),
        ({}, {"backend": "torch"}, "keras.json names another backend"),
        ({}, {"backend": "tensorflow", "floatx": "float16"}, "floatx float16"),
        ({}, {"backend": "tensorflow", "image_data_format": "channels_first"}, "image_data_format channels_first"),
    ],
    ids=["jax", "torch", "torch in keras.json", "float16 in keras.json", "channels first in keras.json"],
)
def test_settings_of_keras_are_overridden_with_a_line_for_each(
    saved: Path, variables: dict[str, str], settings: dict[str, str] | None, words: str, tmp_path: Path
) -> None:
    if settings:
        variables = _settings(tmp_path, json.dumps(settings))
    options = ("--pixels", "0..1", "--json", "-o", tmp_path / "out")
    others = {name: value for name, value in os.environ.items() if not name.startswith("KERAS_")}
    result = run_command("fmnist-export", saved, *options, env={**others, **variables})
    assert result.returncode == 0, result.stderr
    assert words in result.stderr
    assert json.loads(result.stdout)["models"][0]["proofs"][0]["agreement"] == 1


@pytest.mark.parametrize("batch", [1, 32, 7])
def test_a_fixed_batch_is_exported(trained_model, batch: int, tmp_path: Path) -> None:
    model = keras.models.clone_model(trained_model, input_tensors=keras.Input(batch_shape=(batch, 28, 28)))
    model.set_weights(trained_model.get_weights())
    model.save(tmp_path / "model.keras")
    (file,) = _export(tmp_path / "model.keras", tmp_path)
    whole = trained_model.predict(models.dataset().test.images / np.float32(255), verbose=0).argmax(axis=1)
    assert file.proofs[0].keras_accuracy == np.mean(whole == models.dataset().test.labels)
    assert file.proofs[0].agreement == 1


@pytest.mark.parametrize("batch", [None, 1])
def test_a_saved_model_is_exported(trained_model, batch: int | None, tmp_path: Path) -> None:
    _saved_model(trained_model, batch, tmp_path / "saved")
    (file,) = _export(tmp_path / "saved", tmp_path)
    assert file.proofs[0].agreement == 1
    assert file.proofs[0].keras_accuracy > 0.75


def test_a_saved_model_of_32_images_at_once_is_refused(trained_model, tmp_path: Path) -> None:
    _saved_model(trained_model, 32, tmp_path / "saved")
    with pytest.raises(ExportError, match=r"cannot be called on one image .*an input of any number of images"):
        _export(tmp_path / "saved", tmp_path)


def _saved_model(model, batch: int | None, folder: Path) -> None:
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model.call, input_signature=[tf.TensorSpec((batch, 28, 28), tf.float32)])
    archive.write_out(str(folder), verbose=False)


@pytest.mark.parametrize(
    "names",
    [
        ("my flat", "hidden layer 1", "the output!"),
        ("image", "image_1", "image_in"),
        ("image_to_classify", "image_features", "the_image"),
        ("_first", "größe", ".dot"),
        ("a b", "a_b", "layer_a_b"),
    ],
    ids=str,
)
def test_models_with_any_layer_names_are_exported(names: tuple[str, ...], tmp_path: Path) -> None:
    model = models.trained("sequential")
    for layer, name in zip(model.layers, names, strict=True):
        layer.name = name
    model.save(tmp_path / "model.keras")
    for file in _export(tmp_path / "model.keras", tmp_path, precisions=("float32", "int8")):
        assert file.proofs[0].agreement >= (1 if file.precision == "float32" else 0.99)
        assert file.proofs[0].keras_accuracy > 0.75


@pytest.mark.parametrize(("policy", "least"), [("mixed_float16", 0.999), ("mixed_bfloat16", 0.99), ("float64", 1.0)])
def test_other_precisions_than_float32_are_cast_and_proved_as_they_are(
    policy: str, least: float, tmp_path: Path
) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        models.fit(models.sequential()).save(tmp_path / "model.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    said: list[str] = []
    loaded = loaded_model.load(tmp_path / "model.keras", models.dataset(), UNIT, said.append)
    answers = reference_answers.compute(loaded, models.dataset(), UNIT, said.append)
    assert any("half precision" in line for line in said) == policy.startswith("mixed")
    files = pipeline.export(tmp_path / "model.keras", tmp_path, models.dataset(), stated=UNIT)
    assert files[0].proofs[0].agreement >= least
    assert files[0].proofs[0].keras_accuracy == answers.accuracy > 0.75


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (lambda: layers.LSTM(4), "LSTM"),
        (lambda: layers.GRU(4), "GRU"),
        (lambda: layers.SimpleRNN(4), "SimpleRNN"),
        (lambda: layers.Bidirectional(layers.LSTM(4)), "LSTM"),
    ],
)
def test_recurrent_layers_are_refused_with_the_way_out(layer, name: str, tmp_path: Path) -> None:
    keras.Sequential([keras.Input((28, 28)), layer(), layers.Dense(10)]).save(tmp_path / "model.keras")
    with pytest.raises(ExportError, match=rf"its {name} layer '.*' is a loop, .*unroll=True"):
        _export(tmp_path / "model.keras", tmp_path, ANY)


def test_unrolled_recurrent_layers_are_exported(tmp_path: Path) -> None:
    parts = [keras.Input((28, 28)), layers.SimpleRNN(4, unroll=True), layers.Dense(10)]
    keras.Sequential(parts).save(tmp_path / "model.keras")
    (file,) = _export(tmp_path / "model.keras", tmp_path, ANY)
    assert file.proofs[0].agreement == 1


def test_an_h5_file_of_an_old_keras_is_named(saved: Path, tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "old.h5"
    models.sequential().save(path)
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"] = config["config"]["layers"]  # as Keras 2.1 wrote a Sequential
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.1.6"
    with pytest.raises(ExportError, match=r"written by Keras 2\.1\.6, which Keras 3 cannot load; .*TensorFlow 2\.15"):
        keras_model.load(path)


def test_a_missing_model_is_reported_before_anything_slow_is_imported(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", BIN / "fmnist-export", tmp_path / "gone.keras", "--quantize"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "gone.keras: no such file" in result.stderr
    imported = {
        line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import time:")
    }
    assert "fmnist_export.command" in imported
    assert not {"tensorflow", "keras", "h5py"} & imported


def test_files_are_published_all_or_none(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    (tmp_path / "report.html" / "mine").touch()
    (tmp_path / "model-float32.tflite").write_bytes(b"of before")
    result = run_command("fmnist-export", saved, "--pixels", "0..1", "-o", tmp_path)
    assert_fails(result, 1, "report.html: cannot be written")
    assert (tmp_path / "model-float32.tflite").read_bytes() == b"of before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model-float32.tflite", "report.html"]
