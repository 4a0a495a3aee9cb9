"""--explain: the numbers on known samples, and on real models through the real converter and interpreter."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fmnist_export.convert import converter
from fmnist_export.convert.calibration import Calibration
from fmnist_export.explain import explanation
from fmnist_export.explain.explanation import held_out
from fmnist_export.explain.names import names
from fmnist_export.explain.result import Explanation, costs
from fmnist_export.explain.table import sentence, table
from fmnist_export.explain.tensors import Comparison, sqnr
from fmnist_export.explain.variants import calibrated, is_float, layers, weights
from fmnist_export.source import keras_model, reference
from fmnist_runtime.data import fashion_mnist_files
from fmnist_runtime.data.fashion_mnist import to_float
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import ExportError
from fmnist_runtime.flatbuffer import graph
from fmnist_runtime.model import model_file


@pytest.fixture(scope="module")
def training(data_folder: Path) -> fashion_mnist_files.Split:
    return fashion_mnist_files.read_training_split(data_folder)


@pytest.fixture(scope="module")
def calibration(training: fashion_mnist_files.Split) -> np.ndarray:
    return to_float(Calibration().images(training))


@pytest.fixture(scope="module")
def mlp(trained: Path) -> Any:
    keras_model.import_tensorflow()
    return keras_model.load(trained / "model.keras")


@pytest.fixture(scope="module")
def cnn(training: fashion_mnist_files.Split) -> Any:
    keras_model.import_tensorflow()
    return _cnn(training)


def _cnn(training: fashion_mnist_files.Split) -> Any:
    """Convolutions with BatchNorm, a depthwise one and a residual sum; drawn at random, the last layer fitted.

    The first channel of the depthwise convolution is always 0.
    """
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    inputs = keras.Input((28, 28))
    x = layers.Reshape((28, 28, 1), name="channel")(inputs)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    x = shortcut = layers.ReLU()(layers.BatchNormalization(name="scaled")(x))
    x = layers.Conv2D(8, 1, name="pointwise")(x)
    x = layers.ReLU()(layers.Add(name="sum")([shortcut, x]))
    x = layers.Dense(64, activation="relu", name="hidden")(layers.Flatten(name="flat")(x))
    x = layers.Dense(10, activation="softmax", name="classes")(x)
    model = keras.Model(inputs, x)
    gamma, beta, *moving = model.get_layer("scaled").get_weights()
    gamma[0], beta[0] = 0, -1
    model.get_layer("scaled").set_weights([gamma, beta, *moving])
    _fit_last_layer(model, training)
    return model


def _mlp(training: fashion_mnist_files.Split) -> Any:
    """Four Dense layers, drawn at random, the last fitted. The first unit of the first is always 0."""
    import keras

    keras.utils.set_random_seed(1)
    names = ("first", "second", "hidden")
    dense = [keras.layers.Dense(48, activation="relu", name=name) for name in names]
    last = keras.layers.Dense(10, activation="softmax", name="classes")
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), *dense, last])
    kernel, bias = dense[0].get_weights()
    kernel[:, 0], bias[0] = 0, -1
    dense[0].set_weights([kernel, bias])
    _fit_last_layer(model, training)
    return model


def _fit_last_layer(model: Any, training: fashion_mnist_files.Split) -> None:
    """Least squares in place of training: logits of 10 for the right class and 0 for the others."""
    import keras

    last = model.layers[-1]
    features = keras.Model(model.inputs, last.input).predict(to_float(training.images[:4000]), verbose=0)
    rows = np.concatenate([features, np.ones((len(features), 1), np.float32)], axis=1)
    wanted = 10 * np.eye(10, dtype=np.float32)[training.labels[:4000]]
    solution = np.linalg.lstsq(rows, wanted, rcond=1e-5)[0]
    last.set_weights([solution[:-1], solution[-1]])


def test_the_sqnr_of_a_uniform_quantizer_is_six_decibels_a_bit() -> None:
    signal = np.random.default_rng(0).uniform(-1, 1, 100_000)
    for bits in (4, 8, 12):
        step = 2 / 2**bits
        noise = np.rint(signal / step) * step - signal
        assert sqnr(signal @ signal, noise @ noise) == pytest.approx(6.02 * bits, abs=0.1)
    assert sqnr(1.0, 0.0) is None
    assert sqnr(0.0, 1.0) is None
    assert sqnr(1.0, 10**-5.0) == pytest.approx(50)


def test_a_tensor_on_a_known_sample() -> None:
    comparison = Comparison({"dtype": np.int8, "quantization": (0.5, -128)})
    comparison.add(np.array([[0, 1], [2.5, 200]], np.float32), np.array([[-128, -126], [-122, 127]], np.int8))
    comparison.add(np.array([[0, 127.5], [0, 3]], np.float32), np.array([[-128, 127], [-128, -122]], np.int8))
    found = comparison.result()
    assert (found.lowest, found.highest) == (0, 200)
    assert (found.at_least, found.at_greatest, found.clipped) == (3 / 8, 2 / 8, 1 / 8)
    signal, noise = 1 + 2.5**2 + 200**2 + 127.5**2 + 9, 0.5**2 + 72.5**2
    assert found.sqnr_db == pytest.approx(10 * np.log10(signal / noise))


def test_costs_add_up_and_equal_noise_has_equal_shares() -> None:
    # Equal noise at each layer: the standard deviation of the sum, and so the disagreement, grows with the root.
    found = costs([1.0, 0.99, 1 - 0.01 * 2**0.5, 1 - 0.01 * 3**0.5])
    assert sum(cost for cost, _ in found) == pytest.approx(0.01 * 3**0.5)
    assert [share for _, share in found] == pytest.approx([1 / 3] * 3)
    assert found[0][0] > found[1][0] > found[2][0]
    assert costs([1.0, 1.0]) == [(0.0, 0.0)]


def test_the_names_are_those_of_keras() -> None:
    known = ["dense", "dense_1", "conv2d", "re_lu"]
    numbered = [
        "mlp_1/dense_1/MatMul;mlp_1/dense_1/Relu",
        "m/re_lu_1/Relu;m/conv2d_1/convolution",
        "m/dense_1_2/MatMul1",
    ]
    assert names(numbered, known) == ["dense", "conv2d + re_lu", "dense_1"]
    assert names(["m/conv2d_1/conv2d/depthwise", "m/re_lu_1/Relu"], known) == ["conv2d", "re_lu"]
    assert names(["mlp/dense/MatMul", "mlp/dense_1/MatMul", "what/ever"], known) == ["dense", "dense_1", "what/ever"]


def test_the_images_are_training_images_that_calibration_did_not_see(training: fashion_mnist_files.Split) -> None:
    images = held_out(training, Calibration(), 500)
    assert images.shape == (500, 28, 28)
    seen = {image.tobytes() for image in Calibration().images(training)}
    # The data set itself repeats some images.
    assert sum(image.tobytes() in seen for image in images) <= 1


@pytest.mark.slow
def test_the_default_int8_of_the_mlp(
    mlp: Any, calibration: np.ndarray, training: fashion_mnist_files.Split, tmp_path: Path
) -> None:
    images = held_out(training, Calibration(), 2000)
    content = converter.convert(mlp, "int8", calibration)
    found = explanation.explain(mlp, "int8", content, calibration, to_float(images), tensor_images=100)
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
    description = model_file.describe(content, CLASS_NAMES, input={"range": [0.0, 1.0]})
    (tmp_path / "m.tflite").write_bytes(model_file.pack(content, CLASS_NAMES, description))
    np.save(tmp_path / "images.npy", images)
    files = [tmp_path / name for name in ("m.tflite", "images.npy", "outputs.npy")]
    said = subprocess.check_output([sys.executable, "-m", "fmnist_runtime.answers", *files])
    outputs, version = np.load(files[-1]), json.loads(said)["version"]
    expected = reference.predict(mlp, to_float(images)).argmax(axis=1)
    assert found.agreement == np.mean(outputs.argmax(axis=1) == expected)
    assert found.version == version


@pytest.mark.slow
def test_versions_of_a_model_are_rounded_as_the_file_or_not_at_all(mlp: Any, calibration: np.ndarray) -> None:
    content = converter.convert(mlp, "int8", calibration)
    versions = calibrated(mlp, "int8", calibration)
    file = graph.read(content)
    in_float = [number for number, operator in enumerate(layers(file)) if is_float(operator, file)]
    assert in_float == [2, 3]
    as_the_file, unrounded = versions.variant(in_float), versions.variant(range(4))
    reference = _weights(versions.reference)
    for expected, found in zip(_weights(content), _weights(as_the_file), strict=True):
        assert np.array_equal(expected[0], found[0])
        assert expected[1] == found[1]
    for expected, found in zip(reference, _weights(unrounded), strict=True):
        assert np.array_equal(expected[0], found[0])
    assert not np.array_equal(_weights(versions.content)[0][0], reference[0][0])


def _weights(content: bytes) -> list[tuple[np.ndarray, tuple[float, ...]]]:
    """The weights of each layer that has any, and the scales of what it computes."""
    model = graph.read(content)
    found = [(weights(content, model, operator), operator) for operator in layers(model)]
    return [(kernel, model.tensors[operator.outputs[0]].scales) for kernel, operator in found if kernel is not None]


@pytest.mark.slow
def test_layers_that_go_with_their_neighbours_have_no_cost(
    training: fashion_mnist_files.Split, calibration: np.ndarray
) -> None:
    import keras

    layers = keras.layers
    parts = [layers.Rescaling(1 / 255), layers.Conv2D(4, 5, activation="relu"), layers.AveragePooling2D(4)]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts, layers.Flatten(), layers.Dense(10)])
    pixels = 255 * calibration[..., np.newaxis]
    content = converter.convert(model, "int8-strict", pixels)
    images = held_out(training, Calibration(), 100)[..., np.newaxis].astype(np.float32)
    found = explanation.explain(model, "int8-strict", content, pixels, images, tensor_images=10)
    assert [layer.operator for layer in found.layers if layer.cost is not None] == ["CONV_2D", "FULLY_CONNECTED"]
    assert "AVERAGE_POOL_2D" in [layer.operator for layer in found.layers]
    assert sum(layer.cost or 0 for layer in found.layers) == pytest.approx(1 - found.agreement)


@pytest.mark.slow
def test_a_last_layer_in_float32_with_int8_weights_has_its_cost(
    training: fashion_mnist_files.Split, calibration: np.ndarray
) -> None:
    import keras

    layers = keras.layers
    convolution = layers.Conv2D(4, 5, strides=3, activation="relu", name="convolution")
    shape = layers.Reshape((28, 28, 1), name="channel")
    last = layers.Dense(10, activation="softmax", name="classes")
    model = keras.Sequential([keras.Input((28, 28)), shape, convolution, layers.Flatten(name="flat"), last])
    _fit_last_layer(model, training)
    found = _explain(model, "int8", calibration, training)
    costed = [(layer.name, layer.dtype) for layer in found.layers if layer.cost is not None]
    assert costed == [("convolution", "int8"), ("classes", "float32")]
    assert 20 < (found.layers[-2].weights_sqnr_db or 0) < 50
    assert sum(layer.cost or 0 for layer in found.layers) == pytest.approx(1 - found.agreement)


def test_where_nothing_is_lost_no_layer_is_named() -> None:
    found = Explanation("int8", "litert", "2.3.0", 4000, 500, 1.0, 1.0, ())
    assert found.costliest is None
    assert found.as_json()["costliest"] is None
    assert sentence(found).endswith("no layer costs agreement")


def _explain(model: Any, precision: str, calibration: np.ndarray, training: fashion_mnist_files.Split) -> Explanation:
    content = converter.convert(model, precision, calibration)
    images = to_float(held_out(training, Calibration(), 600))
    return explanation.explain(model, precision, content, calibration, images, tensor_images=30)


@pytest.mark.slow
def test_the_layers_of_a_residual_network(
    cnn: Any, calibration: np.ndarray, training: fashion_mnist_files.Split
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
    assert "costs most" in text.splitlines()[-1]


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
        (_mlp, _one_great_channel("hidden", "classes"), "hidden", "int8-strict"),
        (_mlp, _great_weights("second"), "second", "int8-strict"),
        (_cnn, _great_weights("pointwise"), "pointwise", "int8"),
    ],
)
def test_a_sabotaged_layer_is_named(
    training: fashion_mnist_files.Split,
    calibration: np.ndarray,
    build: Callable[[fashion_mnist_files.Split], Any],
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


def test_other_precisions_are_refused(mlp: Any, calibration: np.ndarray) -> None:
    with pytest.raises(ExportError, match="float32 cannot be explained, expected int8 or int8-strict"):
        explanation.explain(mlp, "float32", b"", calibration, calibration[:1])
