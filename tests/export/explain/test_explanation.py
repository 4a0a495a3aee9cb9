"""--explain on real models, through the real converter and interpreter."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import explained_models
import numpy as np
import pytest

from fmnist_export.convert import converter
from fmnist_export.convert.calibration_sample import CalibrationSample
from fmnist_export.convert.converted_file import ConvertedFile
from fmnist_export.explain import explanation
from fmnist_export.explain.explanation import held_out_images
from fmnist_export.explain.result import Explanation
from fmnist_export.explain.text import table
from fmnist_keras import inference
from fmnist_runtime.data import dataset
from fmnist_runtime.data.dataset import Split, to_float
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import ExportError
from fmnist_runtime.model import model_file


def test_the_images_are_training_images_that_calibration_did_not_see(training: dataset.Split) -> None:
    images = held_out_images(training, CalibrationSample(), 500)
    assert images.shape == (500, 28, 28)
    seen = {image.tobytes() for image in CalibrationSample().images(training)}
    # The data set itself repeats some images.
    assert sum(image.tobytes() in seen for image in images) <= 1


def test_the_layers_of_the_default_int8_mlp_have_their_errors_ranges_and_costs(
    mlp: Any, calibration: np.ndarray, training: dataset.Split, tmp_path: Path
) -> None:
    images = held_out_images(training, CalibrationSample(), 2000)
    converted = _convert(mlp, "int8", calibration)
    content = converted.flatbuffer
    found = explanation.explain(converted, mlp, calibration, to_float(images), tensor_images=100)
    assert [(layer.operator, layer.dtype) for layer in found.layers] == [
        ("RESHAPE", "int8"),
        ("FULLY_CONNECTED", "int8"),
        ("FULLY_CONNECTED", "float32"),
        ("SOFTMAX", "float32"),
    ]
    flatten, hidden, last, softmax = found.layers
    assert [layer.name for layer in found.layers] == [*[layer.name for layer in mlp.layers], mlp.layers[-1].name]
    # pixel - 128 is exact; the hidden layer has int8's error but is not compared with units of another scale.
    assert flatten.sqnr_db is None
    assert 25 < (hidden.sqnr_db or 0) < 50
    assert 35 < (hidden.weights_sqnr_db or 0) < 50
    assert (flatten.scale, flatten.zero_point) == (pytest.approx(1 / 255), -128)
    assert last.weights_sqnr_db is None
    assert (last.scale, last.at_least, last.cost, softmax.cost, flatten.cost) == (None,) * 5
    assert found.float_agreement == 1.0
    assert found.agreement == pytest.approx(1 - (hidden.cost or 0))
    # The agreement is the one of the file itself on the device's interpreter.
    description = model_file.describe(content.content, CLASS_NAMES, input={"range": [0.0, 1.0]})
    (tmp_path / "m.tflite").write_bytes(model_file.pack(content.content, CLASS_NAMES, description))
    np.save(tmp_path / "images.npy", images)
    files = [tmp_path / name for name in ("m.tflite", "images.npy", "outputs.npy")]
    said = subprocess.check_output([sys.executable, "-m", "fmnist_runtime.answers", *files])
    outputs, version = np.load(files[-1]), json.loads(said)["version"]
    expected = inference.predict(mlp, to_float(images)).argmax(axis=1)
    assert found.agreement == np.mean(outputs.argmax(axis=1) == expected)
    assert found.version == version


@pytest.mark.slow
def test_layers_that_compute_as_their_neighbours_have_no_cost(training: dataset.Split, calibration: np.ndarray) -> None:
    import keras

    layers = keras.layers
    parts = [layers.Rescaling(1 / 255), layers.Conv2D(4, 5, activation="relu"), layers.AveragePooling2D(4)]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts, layers.Flatten(), layers.Dense(10)])
    pixels = 255 * calibration[..., np.newaxis]
    converted = _convert(model, "int8-strict", pixels)
    images = held_out_images(training, CalibrationSample(), 100)[..., np.newaxis].astype(np.float32)
    found = explanation.explain(converted, model, pixels, images, tensor_images=10)
    assert [layer.operator for layer in found.layers if layer.cost is not None] == ["CONV_2D", "FULLY_CONNECTED"]
    assert "AVERAGE_POOL_2D" in [layer.operator for layer in found.layers]
    assert sum(layer.cost or 0 for layer in found.layers) == pytest.approx(1 - found.agreement)


@pytest.mark.slow
def test_a_last_layer_in_float32_with_int8_weights_has_its_cost(training: Split, calibration: np.ndarray) -> None:
    import keras

    layers = keras.layers
    convolution = layers.Conv2D(4, 5, strides=3, activation="relu", name="convolution")
    shape = layers.Reshape((28, 28, 1), name="channel")
    last = layers.Dense(10, activation="softmax", name="classes")
    model = keras.Sequential([keras.Input((28, 28)), shape, convolution, layers.Flatten(name="flat"), last])
    explained_models.fit_last_layer(model, training)
    found = _explain(model, "int8", calibration, training)
    costed = [(layer.name, layer.dtype) for layer in found.layers if layer.cost is not None]
    assert costed == [("convolution", "int8"), ("classes", "float32")]
    assert 20 < (found.layers[-2].weights_sqnr_db or 0) < 50
    assert sum(layer.cost or 0 for layer in found.layers) == pytest.approx(1 - found.agreement)


def _convert(model: Any, precision: str, calibration: np.ndarray) -> ConvertedFile:
    prepared = converter.prepare(model, precision, calibration)
    flatbuffer = converter.convert_prepared(prepared, precision, calibration)
    return ConvertedFile(precision, prepared, flatbuffer, CalibrationSample())


def _explain(model: Any, precision: str, calibration: np.ndarray, training: dataset.Split) -> Explanation:
    converted = _convert(model, precision, calibration)
    images = to_float(held_out_images(training, CalibrationSample(), 600))
    return explanation.explain(converted, model, calibration, images, tensor_images=30)


@pytest.mark.slow
def test_every_rounding_layer_of_a_residual_network_has_a_cost(
    cnn: Any, calibration: np.ndarray, training: dataset.Split
) -> None:
    found = _explain(cnn, "int8-strict", calibration, training)
    by_name = {layer.name.split(" + ")[0]: layer for layer in found.layers}
    expected = "channel stem pool depthwise pointwise sum flat hidden classes"
    assert list(by_name) == expected.split()
    rounding = [layer for layer in found.layers if layer.cost is not None]
    assert {layer.dtype for layer in found.layers} == {"int8"}
    assert sum(layer.cost or 0 for layer in rounding) == pytest.approx(found.float_agreement - found.agreement)
    assert sum(layer.share or 0 for layer in rounding) == pytest.approx(1)
    # An ADD writes over what it reads; had its input been read afterwards, the ratio would be about 0 dB.
    assert (by_name["pointwise"].sqnr_db or 0) > 20
    assert by_name["pointwise"].lowest < 0 <= by_name["sum"].lowest
    document = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert document["costliest"]["name"] == found.costliest.name if found.costliest else None
    text = table(found)
    assert "DEPTHWISE_CONV_2D" in text
    assert "costs most" in " ".join(text.rpartition("\n\n")[2].split())
    assert max(map(len, text.splitlines())) <= 80


def _one_great_channel(layer: str, reader: str) -> Callable[[Any], None]:
    """Multiply a channel by 300 and divide what reads it: Keras answers as before, the other channels lose int8."""

    def sabotage(model: Any) -> None:
        *kernel, bias = model.get_layer(layer).get_weights()
        kernel[0][..., 0] *= 300
        bias[0] *= 300
        model.get_layer(layer).set_weights([*kernel, bias])
        kernel, *rest = model.get_layer(reader).get_weights()
        kernel[..., 0, :] /= 300
        model.get_layer(reader).set_weights([kernel, *rest])

    return sabotage


def _great_weights(layer: str) -> Callable[[Any], None]:
    """Give each unit one weight so great that the others round to 0, on an input that is always 0."""

    def sabotage(model: Any) -> None:
        kernel, *rest = model.get_layer(layer).get_weights()
        kernel[..., 0, :] = 300 * np.abs(kernel).max()
        model.get_layer(layer).set_weights([kernel, *rest])

    return sabotage


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "sabotage", "name", "precision"),
    [
        (explained_models.mlp, _one_great_channel("hidden", "classes"), "hidden", "int8-strict"),
        (explained_models.mlp, _great_weights("second"), "second", "int8-strict"),
        (explained_models.cnn, _great_weights("pointwise"), "pointwise", "int8"),
    ],
)
def test_a_sabotaged_layer_is_named(
    training: Split,
    calibration: np.ndarray,
    build: Callable[[Split], Any],
    sabotage: Callable[[Any], None],
    name: str,
    precision: str,
) -> None:
    model = build(training)
    before = _explain(model, precision, calibration, training)
    sabotage(model)
    after = _explain(model, precision, calibration, training)
    assert after.float_agreement > 0.99
    assert after.agreement < before.agreement - 0.05
    assert before.costliest is None or before.costliest.name != name
    assert after.costliest is not None
    assert after.costliest.name == name


def test_precisions_without_int8_cannot_be_explained(mlp: Any, calibration: np.ndarray) -> None:
    with pytest.raises(ExportError, match="float32 cannot be explained, expected int8 or int8-strict"):
        explanation.explain(_convert(mlp, "float32", calibration), mlp, calibration, calibration[:1])
