"""The pixel range of plain .tflite files, written by TensorFlow alone, on real images; and of described files."""

import copy
import math
from pathlib import Path

import pytest
from plain_answers import COUNT, RANGES, Member, accuracy, answers

from fmnist_runtime import Classifier
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import (
    DescriptionError,
    PixelRangeError,
)
from fmnist_runtime.model import model_file, shipped


@pytest.mark.parametrize("member", RANGES, ids=[member.name for member in RANGES])
def test_the_range_of_a_plain_file_is_the_one_that_it_was_trained_on(
    plain_models: Path, test_split: Split, member: Member
) -> None:
    with Classifier(plain_models / f"{member.name}.tflite", pixels=member.stated) as classifier:
        found = classifier.pixel_range
        # A quantized input spans its range with 255 steps, so it is up to a step off.
        step = (member.high - member.low) / 255
        assert found[:2] == pytest.approx((member.low, member.high), abs=step)
        assert found.reason.startswith(member.reason)
        assert found.assumed == member.assumed
        keras = accuracy(answers(plain_models, member.name), test_split)
        assert keras > 0.75
        assert accuracy(classifier.outputs(test_split.images[:COUNT]), test_split) == pytest.approx(keras, abs=0.01)


def test_an_assumed_range_that_is_wrong_is_marked_and_costs_accuracy(plain_models: Path, test_split: Split) -> None:
    for name in ("both-signs", "standardized"):
        with Classifier(plain_models / f"{name}.tflite") as classifier:
            assert classifier.pixel_range == (0, 1, "assumed", True)
            assert accuracy(classifier.outputs(test_split.images[:COUNT]), test_split) < 0.2


@pytest.mark.parametrize(
    "pixels", [(0, 0), (0, math.inf), (math.nan, 1), (0, 10**400), (0, 1, 2), (0,), 3, "01", ("a", "b"), (-1e38, 1e38)]
)
def test_invalid_pixels_are_refused(plain_models: Path, pixels: object) -> None:
    with pytest.raises(PixelRangeError, match="expected"):
        Classifier(plain_models / "unit.tflite", pixels=pixels)  # type: ignore[arg-type]


def test_a_copy_keeps_the_stated_range_and_labels(plain_models: Path, test_split: Split) -> None:
    classifier = Classifier(plain_models / "both-signs.tflite", pixels=(-1, 1), labels=list("abcdefghij"))
    other = copy.copy(classifier)
    assert (other.pixel_range, other.labels) == (classifier.pixel_range, classifier.labels)
    image = test_split.images[0]
    assert other.classify(image) == classifier.classify(image)


@pytest.mark.parametrize("stated", [[0, 10**400], [0, 0], [0, None], [0], {}, None, "x", [0, math.inf]])
def test_a_description_with_an_invalid_range_is_refused(tmp_path: Path, stated: object) -> None:
    file = model_file.read(shipped.model_path("mlp"))
    assert file.labels is not None
    description = model_file.describe(file.flatbuffer, file.labels, input={"range": stated})
    (tmp_path / "m.tflite").write_bytes(model_file.pack(file.flatbuffer, file.labels, description))
    with pytest.raises(DescriptionError, match=r"m\.tflite: its description (states|says) .*range"):
        Classifier(tmp_path / "m.tflite")
