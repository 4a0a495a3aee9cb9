"""What pixels and classes mean is stated, recorded, told by the graph or clearly measured; else it is refused."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs the extra [train]")
import digits  # noqa: E402
import keras_models as models  # noqa: E402
from helpers import assert_fails, run_command  # noqa: E402
from keras import layers, ops  # noqa: E402

from fmnist_export.source import chance, data_sets, head, loaded_model, pixel_scaling  # noqa: E402
from fmnist_export.source.loaded_model import Statement  # noqa: E402
from fmnist_runtime.data.fashion_mnist_files import DIGESTS, Split  # noqa: E402
from fmnist_runtime.errors import DataError, ExportError  # noqa: E402
from fmnist_runtime.images import pixel_range  # noqa: E402
from fmnist_runtime.model import model_file  # noqa: E402
from fmnist_runtime.system.atomic import sha256  # noqa: E402

IMAGES = 6_400
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _binary(labels, outputs):
    return ops.mean(
        keras.losses.binary_crossentropy(ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), 10), outputs)
    )


def _train(
    low: float, high: float, *end, loss="sparse_categorical_crossentropy", parts=(), split=None, epochs=5, count=IMAGES
):
    """A perceptron with the last layers `end`, trained on pixels of `low` to `high`; its inputs' accuracy is known."""
    keras.utils.set_random_seed(2)
    split = split or models.dataset().train
    model = keras.Sequential([keras.Input((28, 28)), *parts, layers.Flatten(), layers.Dense(64, "relu"), *end])
    images = low + split.images[:count].astype(np.float32) / 255 * np.float32(high - low)
    model.compile(keras.optimizers.Adam(0.002), loss, steps_per_execution=50)
    model.fit(images, split.labels[:count].astype(np.int32), batch_size=64, epochs=epochs, verbose=0)
    return model


def _save(model, folder: Path) -> Path:
    model.save(folder / "model.keras")
    return folder / "model.keras"


def _load(path: Path, stated: Statement = loaded_model.NOTHING_STATED, dataset=None) -> loaded_model.Source:
    said: list[str] = []
    return loaded_model.load(path, dataset or models.dataset(), stated, said.append)


def _mean_and_std() -> tuple[float, float]:
    shares = models.dataset().train.images[:IMAGES] / np.float32(255)
    return float(shares.mean()), float(shares.std())


SOFTMAX, PLAIN = (layers.Dense, (10, "softmax")), (layers.Dense, (10,))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-1, 1), (-0.5, 0.5), (1, 0), (None, None)], ids=lambda value: str(value)
)
@pytest.mark.parametrize("kind", ["softmax", "logits"])
def test_the_range_that_a_model_was_trained_on_is_measured(low, high, kind: str, tmp_path: Path) -> None:
    if low is None:
        mean, std = _mean_and_std()
        low, high = -mean / std, (1 - mean) / std
    end, loss = (("softmax",), "sparse_categorical_crossentropy") if kind == "softmax" else ((), LOGITS)
    path = _save(_train(low, high, layers.Dense(10, *end), loss=loss), tmp_path)
    found = _load(path).pixels
    assert found[:2] == pytest.approx((low, high), abs=0.02)
    assert found.reason.startswith("measured on ")


@pytest.mark.slow
@pytest.mark.parametrize(("low_high", "is_clear"), [((0, 1), True), ((-1, 1), False)])
@pytest.mark.parametrize("end", ["sigmoid", "two softmax", "relu", "tanh"])
def test_a_last_layer_that_is_no_single_softmax_does_not_prefer_what_saturates(
    end: str, low_high: tuple[int, int], is_clear: bool, tmp_path: Path
) -> None:
    """The loss of these is lowest at 0..255, whatever they were trained on. -0.5..0.5 is as right as -1..1."""
    ends = {
        "sigmoid": ([layers.Dense(10, "sigmoid")], _binary),
        "two softmax": ([layers.Dense(10, "softmax"), layers.Softmax()], "sparse_categorical_crossentropy"),
        "relu": ([layers.Dense(10, "relu", bias_initializer="ones")], LOGITS),
        "tanh": ([layers.Dense(10, "tanh")], LOGITS),
    }
    parts, loss = ends[end]
    model = _train(*low_high, *parts, loss=loss, count=12_000)
    model.compile()
    path = _save(model, tmp_path)
    if is_clear:
        assert _load(path).pixels[:2] == low_high
    else:
        with pytest.raises(ExportError, match=r"cannot be told.*--pixels LOW\.\.HIGH"):
            _load(path)
    stated = Statement(pixels=pixel_range.checked(*low_high, "--pixels"), data_is_given=True)
    assert _load(path, stated).pixels[:2] == low_high


@pytest.mark.slow
@pytest.mark.parametrize(("low", "high"), [(0, 2.55), (0, 3), (-0.4242, 2.8215)])
def test_a_range_that_nobody_uses_is_refused_and_not_replaced(low: float, high: float, tmp_path: Path) -> None:
    """pixel / 100, pixel / 85 and MNIST's mean and deviation: the best of the usual ranges is not theirs."""
    path = _save(_train(low, high, layers.Dense(10, "softmax")), tmp_path)
    with pytest.raises(ExportError, match=r"cannot be told.*--pixels LOW\.\.HIGH"):
        _load(path)
    loaded = _load(path, Statement(pixels=pixel_range.checked(low, high, "--pixels")))
    assert np.mean(loaded.probabilities.argmax(axis=1) == loaded.labels) > 0.8


@pytest.mark.slow
def test_a_model_that_normalizes_each_image_takes_any_scale(tmp_path: Path) -> None:
    """0..1 and 0..255 give the very same answers, so either is right."""
    path = _save(
        _train(0, 255, layers.Dense(10, "softmax"), parts=[layers.Flatten(), layers.UnitNormalization()]), tmp_path
    )
    loaded = _load(path)
    assert loaded.pixels[:2] == (0, 1)
    assert np.mean(loaded.probabilities.argmax(axis=1) == loaded.labels) > 0.75


@pytest.mark.slow
def test_images_that_come_class_by_class_are_measured_on_all_classes(tmp_path: Path) -> None:
    whole = models.dataset()
    order = np.argsort(whole.train.labels, kind="stable")
    by_class = replace(whole, train=Split(whole.train.images[order], whole.train.labels[order]))
    path = _save(_train(0, 1, layers.Dense(10, "softmax")), tmp_path)
    assert _load(path, dataset=by_class).pixels[:2] == (0, 1)


def _functional(first) -> "keras.Model":
    image = keras.Input((28, 28))
    return keras.Model(image, layers.Dense(10, "softmax")(layers.Flatten()(first(image))))


HEADS = {
    "x / 255": (lambda x: x / 255.0, 1 / 255, 0),
    "(x / 255 - 0.286) / 0.353": (lambda x: (x / 255.0 - 0.286) / 0.353, 1 / 255 / 0.353, -0.286 / 0.353),
    "1 - x / 255": (lambda x: 1.0 - x / 255.0, -1 / 255, 1),
    "x * 2 - 1": (lambda x: x * 2.0 - 1.0, 2, -1),
    "subtract": (lambda x: ops.subtract(x, 0.5), 1, -0.5),
    "Rescaling": (layers.Rescaling(1 / 127.5, offset=-1), 1 / 127.5, -1),
    "Rescaling behind augmentation": (
        lambda x: layers.Rescaling(1 / 255)(layers.RandomFlip()(layers.Reshape((28, 28, 1))(x))),
        1 / 255,
        0,
    ),
    "Normalization": (layers.Normalization(mean=100, variance=400, axis=None), 1 / 20, -5),
}


@pytest.mark.parametrize("name", HEADS)
def test_the_first_layers_tell_what_they_do(name: str) -> None:
    first, scale, offset = HEADS[name]
    found = head.read(_functional(first))
    assert found is not None
    assert found[:2] == pytest.approx((scale, offset))


def test_what_stands_further_in_tells_nothing_of_the_pixels() -> None:
    image = keras.Input((28, 28))
    x = layers.Dense(8, "relu")(image)
    assert head.read(keras.Model(image, layers.Dense(10)(layers.Flatten()(layers.Rescaling(1 / 255)(x))))) is None
    branching = keras.Model(image, layers.Dense(10)(layers.Flatten()(layers.Add()([image / 255.0, image * 2.0]))))
    assert head.read(branching) is None


def test_a_head_decides_without_a_measurement(tmp_path: Path) -> None:
    path = _save(_train(0, 255, layers.Dense(10, "softmax"), parts=[layers.Rescaling(1 / 255)]), tmp_path)
    found = _load(path).pixels
    assert found[:2] == (0, 255)
    assert found.reason == f"the model begins with Rescaling {keras.models.load_model(path).layers[0].name!r}"


def _with_record(path: Path, **changes: object) -> Path:
    record = {"model_sha256": sha256(path.read_bytes()), "data": {"sha256": DIGESTS}, **changes}
    path.with_name("training.json").write_text(json.dumps(record))
    return path


def test_a_record_decides_before_a_measurement_and_an_option_before_a_record(tmp_path: Path) -> None:
    path = _save(_train(-1, 1, layers.Dense(10, "softmax")), tmp_path)
    assert _load(_with_record(path, pixels=[-1.0, 1.0])).pixels == pixel_range.PixelRange(-1, 1, "training.json")
    stated = Statement(pixels=pixel_range.parse("0..1"))
    assert _load(path, stated).pixels == pixel_range.PixelRange(0, 1, "--pixels")
    # fmnist-train has always trained on 0..1, before its records said so.
    assert _load(_with_record(path)).pixels[:2] == (0, 1)


@pytest.mark.parametrize("odd", [None, 1, [1], [0, 0], [0, 10**400], ["a", 1], {"low": 0}, [0, 1, 2], "01"])
def test_a_record_that_states_no_range_is_refused(odd: object, tmp_path: Path) -> None:
    path = _with_record(_save(models.sequential(), tmp_path), pixels=odd)
    with pytest.raises(ExportError, match=r"training.json states the pixels .* --pixels LOW\.\.HIGH"):
        _load(path)


def test_a_record_of_another_data_set_needs_that_data_set(tmp_path: Path) -> None:
    path = _with_record(_save(models.sequential(), tmp_path), data={"sha256": {"a": "b"}})
    with pytest.raises(ExportError, match="names another data set than fashion-mnist; give that one with --data DIR"):
        _load(path)


def _digits_model(folder: Path, low: float = 0, high: float = 1) -> Path:
    return _save(_train(low, high, layers.Dense(10, "softmax"), split=digits.split(1500, 1), epochs=8), folder)


@pytest.mark.slow
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1)])
def test_a_model_of_ten_other_classes_is_not_taken_for_garments(low: float, high: float, tmp_path: Path) -> None:
    """It was published with garments' names and a range measured on garments: 0.1189 right, agreement 1.0000."""
    path = _digits_model(tmp_path, low, high)
    with pytest.raises(ExportError, match=r"is chance\).*--data DIR and --labels FILE"):
        _load(path)
    # The same with the range stated: it is the data set that is missing.
    with pytest.raises(ExportError, match="too few to take it for a model of fashion-mnist"):
        _load(path, Statement(pixels=pixel_range.checked(low, high, "--pixels"), minimum_accuracy=0))
    loaded = _load(path, Statement(data_is_given=True), data_sets.load(digits.write(tmp_path / "digits")))
    assert loaded.pixels[:2] == (low, high)
    assert np.mean(loaded.probabilities.argmax(axis=1) == loaded.labels) > 0.8
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
    path = _save(dead, tmp_path)
    with pytest.raises(ExportError, match=r"; 0\.\d+ is chance\)"):
        _load(path)
    stated = Statement(pixels=pixel_range.parse("0..1"), data_is_given=True)
    with pytest.raises(ExportError, match=r"not above chance .* export it all the same with --min-accuracy 0"):
        _load(path, stated)
    assert _load(path, replace(stated, minimum_accuracy=0)).pixels[:2] == (0, 1)
    dead.layers[-1].set_weights([np.full((32, 10), np.nan), np.zeros(10)])
    with pytest.raises(ExportError, match="not finite numbers"):
        _load(_save(dead, tmp_path), stated)


@pytest.mark.slow
def test_an_accuracy_that_is_asked_for(tmp_path: Path) -> None:
    path = _save(models.trained("sequential"), tmp_path)
    with pytest.raises(ExportError, match=r"expected at least 0\.9500 \(--min-accuracy\)"):
        _load(path, Statement(minimum_accuracy=0.95))


def test_inverted_pixels_are_below_chance_and_refused(tmp_path: Path) -> None:
    path = _save(models.trained("sequential"), tmp_path)
    with pytest.raises(ExportError, match="not above chance"):
        _load(path, Statement(pixels=pixel_range.parse("1..0"), data_is_given=True))


def test_a_stated_range_that_the_first_layer_contradicts_is_said(tmp_path: Path) -> None:
    path = _save(_train(0, 255, layers.Dense(10, "softmax"), parts=[layers.Rescaling(1 / 255)]), tmp_path)
    said: list[str] = []
    with pytest.raises(ExportError):
        loaded_model.load(path, models.dataset(), Statement(pixels=pixel_range.parse("0..1")), said.append)
    assert any(
        line.startswith("warning: pixels are stated as 0..1 (--pixels), of which the model's R") for line in said
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--pixels", "0-1"), "expected LOW..HIGH"),
        (("--pixels", "1..1"), "two different finite numbers"),
        (("--mean", "0.5"), "--mean and --std belong together"),
        (("--mean", "72.9", "--std", "90"), "divide one on the scale of 0..255 by 255"),
        (("--pixels", "0..1", "--mean", "0.5", "--std", "0.5"), "give one of them"),
        (("--min-accuracy", "2"), "--min-accuracy"),
    ],
)
def test_wrong_statements_are_usage_errors(options: tuple[str, ...], words: str, tmp_path: Path) -> None:
    assert_fails(run_command("fmnist-export", tmp_path / "model.keras", *options), 2, words)


def test_chance_is_the_most_frequent_class_and_luck() -> None:
    labels = np.repeat(np.arange(10), 100)
    assert chance.of(labels) == 0.1
    assert chance.of(np.array([0, 0, 0, 1])) == 0.75
    assert not chance.is_above(0.13, labels)
    assert chance.is_above(0.15, labels)
    assert not chance.is_clearly_above(0.3, labels)
    assert chance.is_clearly_above(0.33, labels)


def test_a_folder_of_idx_files_is_a_data_set(tmp_path: Path) -> None:
    found = data_sets.load(digits.write(tmp_path / "digits"))
    assert (found.name, found.classes, found.class_names) == ("digits", 10, None)
    assert (len(found.train.images), len(found.test.labels)) == (1500, 500)
    whole = data_sets.load()
    assert (whole.name, whole.classes, whole.class_names[9]) == ("fashion-mnist", 10, "Ankle boot")
    # What is Fashion-MNIST's in part is a damaged Fashion-MNIST, and no other data set.
    name = "t10k-labels-idx1-ubyte"
    (tmp_path / "digits" / name).unlink()
    (tmp_path / "digits" / f"{name}.gz").write_bytes((whole.source / f"{name}.gz").read_bytes())
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte: SHA-256 .*is Fashion-MNIST's"):
        data_sets.load(tmp_path / "digits")


@pytest.mark.parametrize(
    ("train", "words"),
    [
        (Split(np.zeros((3, 32, 32), np.uint8), np.zeros(3, np.uint8)), r"are \(3, 32, 32\), expected \(N, 28, 28\)"),
        (Split(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8)), r"are \(0, 28, 28\)"),
        (Split(np.zeros((3, 28, 28), np.uint8), np.zeros(4, np.uint8)), r"3 train images and labels of shape \(4,\)"),
    ],
)
def test_idx_files_that_do_not_fit_are_refused(train: Split, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        data_sets.load(digits.write(tmp_path / "odd", train=train))


def test_labels_of_more_classes_than_the_model_has_are_refused(tmp_path: Path) -> None:
    three = keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(3, "softmax")])
    stated = Statement(data_is_given=True, class_names=("a", "b", "c"))
    with pytest.raises(ExportError, match="the model has 3 classes, digits 10"):
        _load(_save(three, tmp_path), stated, data_sets.load(digits.write(tmp_path / "digits")))


def test_inputs_are_the_range_on_each_pixel() -> None:
    pixels = np.array([[[0, 255], [51, 102]]], np.uint8)
    found = pixel_scaling.inputs(pixel_range.checked(-1, 1, "x"), pixels, (2, 2, 1))
    assert found.shape == (1, 2, 2, 1)
    np.testing.assert_allclose(found.ravel(), [-1, 1, -0.6, -0.2], atol=1e-6)
