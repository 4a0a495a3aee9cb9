"""The classes and the output kind of plain and described model files."""

from pathlib import Path

import numpy as np
import pytest
from plain_answers import answers

from fmnist_runtime import Classifier
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import (
    DescriptionError,
    FmnistError,
    InterfaceError,
    LabelsError,
    PixelRangeError,
)
from fmnist_runtime.model import interface, model_file


def test_labels_are_given_or_numbers(plain_models: Path, test_split: Split) -> None:
    path = plain_models / "unit.tflite"
    image = test_split.images[0]
    with Classifier(path) as classifier:
        assert classifier.labels == tuple(f"class {number}" for number in range(10))
        assert classifier.label_source is None
        assert classifier.classify(image).label == "class 9"
    with Classifier(path, labels=list("abcdefghij")) as classifier:
        assert classifier.label_source == "given"
        assert classifier.classify(image).label == "j"
        assert classifier.top(image, 1)[0].label == "j"
    with pytest.raises(LabelsError, match="has 10 classes, 3 labels are given"):
        Classifier(path, labels=["a", "b", "c"])
    for none in ("abcdefghij", [], [1] * 10, 7):
        with pytest.raises(LabelsError, match="not a list of names"):
            Classifier(path, labels=none)  # type: ignore[arg-type]


def test_five_classes_are_read_and_one_is_refused(plain_models: Path, test_split: Split) -> None:
    with Classifier(plain_models / "units-5.tflite") as classifier:
        assert classifier.labels == ("class 0", "class 1", "class 2", "class 3", "class 4")
        keras = answers(plain_models, "units-5")[0]
        assert classifier.probabilities(test_split.images[0]) == pytest.approx(keras, abs=1e-5)
    with pytest.raises(
        InterfaceError, match=r"units-1\.tflite: the output has 1 values, expected one for each of 2 to"
    ):
        Classifier(plain_models / "units-1.tflite")


def test_a_caller_who_contradicts_the_description_is_refused() -> None:
    with Classifier("mlp", pixels=(0, 1), labels=CLASS_NAMES) as classifier:
        assert classifier.labels == CLASS_NAMES
    with pytest.raises(PixelRangeError, match=r"its description states pixels 0\.\.1, not 0\.\.255"):
        Classifier("mlp", pixels=(0, 255))
    with pytest.raises(LabelsError, match="class 0 is 'T-shirt/top' by its description, 'Ankle boot' by the labels"):
        Classifier("mlp", labels=CLASS_NAMES[::-1])
    with pytest.raises(LabelsError, match="has 10 classes, 2 labels"):
        Classifier("mlp", labels=["a", "b"])


def test_the_description_states_the_output_kind_where_the_operators_do_not_tell_it(
    plain_models: Path, tmp_path: Path
) -> None:
    """Files of schema 1 said "logits" of everything but a softmax."""
    content = model_file.mark((plain_models / "end-relu.tflite").read_bytes())
    for stated, expected in (("logits", "logits"), ("unknown", "unknown"), ("nonsense", "unknown")):
        _describe(tmp_path / "m.tflite", content, stated)
        with Classifier(tmp_path / "m.tflite") as classifier:
            assert classifier.output_kind == expected
    _describe(tmp_path / "m.tflite", content, 3)
    with pytest.raises(DescriptionError, match=r"its description says output\.kind is 3, expected a printable text"):
        Classifier(tmp_path / "m.tflite")


def _describe(path: Path, content: bytes, kind: object) -> None:
    description = model_file.describe(content, CLASS_NAMES, input={"range": [0, 1]}, output={"kind": kind})
    path.write_bytes(model_file.pack(content, CLASS_NAMES, description))


def test_a_damaged_plain_file_is_read_or_refused_in_one_line(plain_models: Path) -> None:
    """Damage everywhere but in the weights: what is read of the first and the last operators, and concluded of them."""
    rng = np.random.default_rng(0)
    accepted = refused = 0
    for path in sorted(plain_models.glob("*.tflite")):
        content = path.read_bytes()
        places = np.ones(len(content), bool)
        for tensor in model_file.parse(content, path).graph.tensors:
            if tensor.data.length > 64:
                places[tensor.data.start : tensor.data.end] = False
        for place in rng.choice(np.flatnonzero(places), 60):
            damaged = bytearray(content)
            damaged[place] = rng.integers(256)
            try:
                file = model_file.parse(bytes(damaged), path)
                found = interface.read(file, None, None)
                found.input_values(np.dtype(file.graph.tensors[file.graph.inputs[0]].dtype))
                accepted += 1
            except FmnistError as error:
                assert "\n" not in str(error)  # noqa: PT017
                refused += 1
    assert accepted > 100
    assert refused > 100
