"""Keras classifiers of many builds: what is exported agrees with Keras on every current target, or is refused."""

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs the extra [train]")

import keras_models as models  # noqa: E402

from fmnist_export import pipeline  # noqa: E402
from fmnist_export.prove import targets  # noqa: E402
from fmnist_export.publication import PublishedFile  # noqa: E402
from fmnist_export.source.loaded_model import Statement  # noqa: E402
from fmnist_runtime.data.dataset import Dataset, Split  # noqa: E402
from fmnist_runtime.errors import ExportError  # noqa: E402
from fmnist_runtime.images import pixel_range  # noqa: E402
from fmnist_runtime.model import model_file  # noqa: E402

# Each trains a model and exports it.
pytestmark = pytest.mark.slow

# An untrained model is right on as many as chance is.
ANY_MODEL = Statement(pixels=pixel_range.parse("0..1"), data_is_given=True, minimum_accuracy=0)
PIXELS = {"rescaling": [0, 255], "rescaling_to_both_signs": [0, 255], "both_signs_unsaid": [-1, 1]}


def _export(path: Path, folder: Path, **options) -> dict[str, PublishedFile]:
    options = {"precisions": ("float32", "int8"), "target_names": ("all",), **options}
    return {file.precision: file for file in pipeline.export(path, folder, models.dataset(), **options)}


@pytest.mark.parametrize("name", models.BUILDERS)
def test_every_build_agrees_with_keras_on_every_target(name: str, tmp_path: Path) -> None:
    files = _export(models.save(name, tmp_path), tmp_path)
    current = [target.runtime for target in targets.all_targets().values() if target.current]
    for precision, least in (("float32", 1.0), ("int8", 0.99)):
        file = files[precision]
        assert [proof.runtime for proof in file.proofs] == current
        assert not file.missing_proofs
        for proof in file.proofs:
            assert proof.images == 2000
            assert proof.agreement >= least
            assert proof.ties <= 2
            assert proof.keras_accuracy > 0.75
    description = model_file.read(files["int8"].path).description
    assert description["input"]["range"] == PIXELS.get(name, [0, 1])
    assert description["input"]["dtype"] == "int8"
    assert len(files["int8"].content) < 0.5 * len(files["float32"].content)


def test_an_h5_file_and_a_saved_model_give_the_answers_of_the_keras_file(tmp_path: Path) -> None:
    model = models.trained("sequential")
    model.save(tmp_path / "m.h5")
    model.export(tmp_path / "saved", verbose=False)
    for path in (tmp_path / "m.h5", tmp_path / "saved"):
        files = _export(path, tmp_path / "out")
        assert files["float32"].proofs[0].agreement == 1
        assert all(proof.agreement >= 0.98 for proof in files["int8"].proofs)
    assert len({path.name for path in (tmp_path / "out").glob("*.tflite")}) == 4


def test_other_classes_need_their_data_and_their_names(tmp_path: Path) -> None:
    """A range measured on garments, and a proof with them, would say nothing of a model of something else."""
    whole = models.dataset()
    train, test = (
        Split(part.images[part.labels < 3], part.labels[part.labels < 3]) for part in (whole.train, whole.test)
    )
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", steps_per_execution=20)
    model.fit(train.images[:6000] / np.float32(255), train.labels[:6000], epochs=6, verbose=0)
    path = tmp_path / "three.keras"
    model.save(path)
    with pytest.raises(ExportError, match=r"3 classes, fashion-mnist 10; give .* --data DIR .* --labels FILE"):
        _export(path, tmp_path)
    three = Dataset("three", train, test, tmp_path, "", None)
    stated = Statement(class_names=("a", "b", "c"), data_is_given=True)
    (file,) = pipeline.export(path, tmp_path, three, stated=stated)
    assert file.proofs[0].accuracy == file.proofs[0].keras_accuracy > 0.9
    assert file.proofs[0].agreement == 1
    assert model_file.read(file.path).labels == ("a", "b", "c")
    with pytest.raises(ExportError, match="--labels has 2 names"):
        pipeline.export(path, tmp_path, three, stated=Statement(class_names=("a", "b"), data_is_given=True))


def _saved(folder: Path, output, image=None) -> Path:
    path = folder / "wrong.keras"
    keras.Model(image, output).save(path)
    return path


def test_models_that_cannot_be_exported_are_refused_each_by_its_reason(tmp_path: Path) -> None:
    layers = keras.layers
    image = keras.Input((28, 28))
    flat = layers.Flatten()(image)
    other = keras.Input((3,))
    refused = {
        "Lambda": lambda: _saved(tmp_path, layers.Dense(10)(layers.Lambda(lambda x: x + 1)(flat)), image),
        r"\(28, 28\) and \(3,\)": lambda: _saved(
            tmp_path, layers.Dense(10)(layers.Concatenate()([flat, other])), [image, other]
        ),
        r"the input is \(3,\)": lambda: _saved(tmp_path, layers.Dense(10)(other), other),
        r"the output is \(28, 10\)": lambda: _saved(tmp_path, layers.Dense(10)(image), image),
        r"the output is \(10,\) and \(2,\)": lambda: _saved(
            tmp_path, [layers.Dense(10)(flat), layers.Dense(2)(flat)], image
        ),
        "kernels that no runtime has .custom operators Erfinv": lambda: _saved(
            tmp_path, layers.Dense(10)(keras.ops.erfinv(flat * 0.5)), image
        ),
        "TensorFlow itself on the device .Flex operators Erf": lambda: _saved(
            tmp_path, layers.Dense(10)(keras.ops.erf(flat)), image
        ),
    }
    for words, build in refused.items():
        with pytest.raises(ExportError, match=words) as caught:
            _export(build(), tmp_path, precisions=("float32",), stated=ANY_MODEL)
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*.tflite"))


def test_a_custom_layer_is_named(tmp_path: Path) -> None:
    class Doubling(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), Doubling(), keras.layers.Dense(10)])
    for name in ("custom.keras", "custom.h5"):
        model.save(tmp_path / name)
        with pytest.raises(ExportError, match="uses 'Doubling', which is not part of Keras"):
            _export(tmp_path / name, tmp_path)


@pytest.mark.parametrize("precision", ["float16", "dynamic", "int8-strict", "int16x8"])
def test_the_other_precisions_run_on_every_target(precision: str, tmp_path: Path) -> None:
    path = models.save("sequential", tmp_path)
    file = _export(path, tmp_path, precisions=(precision,))[precision]
    assert [round(proof.agreement, 1) for proof in file.proofs] == [1.0, 1.0]
    graph = model_file.read(file.path).graph
    inputs = {"float16": "float32", "dynamic": "float32", "int8-strict": "int8", "int16x8": "int16"}
    assert graph.tensors[graph.inputs[0]].dtype == graph.tensors[graph.outputs[0]].dtype == inputs[precision]
    if precision == "int8-strict":
        assert {tensor.dtype for tensor in graph.tensors} <= {"int8", "int32"}


def test_a_batch_norm_is_folded_away(tmp_path: Path) -> None:
    file = _export(models.save("batch_norm", tmp_path), tmp_path, precisions=("float32",))["float32"]
    assert set(model_file.read(file.path).graph.versions) == {"CONV_2D", "FULLY_CONNECTED", "RESHAPE", "SOFTMAX"}
    assert np.isfinite(file.proofs[0].agreement)
