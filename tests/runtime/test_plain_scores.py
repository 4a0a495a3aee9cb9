"""The scores of plain .tflite files, written by TensorFlow alone, beside Keras's answers on real images."""

from pathlib import Path

import numpy as np
import pytest
from plain_answers import COUNT, accuracy, answers

from fmnist_runtime import Classifier
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import (
    NoScoresError,
)

ENDS = [
    ("end-linear", "logits"),
    ("end-softmax", "probabilities"),
    ("end-log_softmax", "log-probabilities"),
    ("end-sigmoid", "independent probabilities"),
    ("end-relu", "unknown"),
    ("end-relu6", "unknown"),
    ("end-tanh", "unknown"),
    ("end-mean-of-softmaxes", "probabilities"),
]


# What Keras's own answers say, by the kind of the output.
EXPECTED = {
    "logits": lambda row: np.exp(row - row.max()) / np.exp(row - row.max()).sum(),
    "probabilities": lambda row: row,
    "log-probabilities": np.exp,
    "independent probabilities": lambda row: row,
}


@pytest.mark.parametrize(("name", "kind"), ENDS)
@pytest.mark.parametrize("precision", ["", "-int8"])
def test_scores_are_probabilities_or_none_by_the_kind_of_the_output(
    plain_models: Path, test_split: Split, name: str, kind: str, precision: str
) -> None:
    path = plain_models / f"{name}{precision}.tflite"
    if precision and name in ("end-tanh", "end-mean-of-softmaxes"):
        assert not path.exists()
        return
    keras = answers(plain_models, f"{name}{precision}")
    # int8: a logit is off by a step or two of 0.1, and with it a probability by some hundredths.
    near = 0.1 if precision else 1e-5
    with Classifier(path) as classifier:
        assert classifier.output_kind == kind
        outputs = classifier.outputs(test_split.images[:COUNT])
        assert accuracy(outputs, test_split) == pytest.approx(accuracy(keras, test_split), abs=0.01)
        for number in range(50):
            image, row = test_split.images[number], keras[number]
            prediction, top = classifier.classify(image), classifier.top(image, 10)
            assert prediction.index == outputs[number].argmax()
            assert top[0] == prediction
            if kind == "unknown":
                assert [one.score for one in top] == [None] * 10
                with pytest.raises(NoScoresError, match="neither probabilities nor logits, so there are no scores"):
                    classifier.probabilities(image)
                continue
            expected = EXPECTED[kind](row)
            assert prediction.score == pytest.approx(expected[prediction.index], abs=near)
            found = classifier.probabilities(image)
            assert found == pytest.approx(expected, abs=near)
            assert [one.score for one in top] == pytest.approx([found[one.index] for one in top], abs=1e-6)
            if kind != "independent probabilities":
                assert found.sum() == pytest.approx(1, abs=1e-5)


def test_sigmoids_are_not_made_to_sum_to_one(plain_models: Path, test_split: Split) -> None:
    with Classifier(plain_models / "end-sigmoid.tflite") as classifier:
        sums = [classifier.probabilities(image).sum() for image in test_split.images[:100]]
        assert max(sums) > 1.5


def test_described_files_keep_their_scores(test_split: Split) -> None:
    """Recorded before plain files got rules of their own, tflite-runtime 2.14."""
    recorded = {
        "mlp": (0.9044949780059477, 0.9940101820236846),
        "cnn-nano": (0.99478213097053, 0.9995015756693324),
        "cnn-micro": (0.9999402765330059, 0.9992678795910024),
    }
    for name, scores in recorded.items():
        with Classifier(name, backend="tflite-runtime") as classifier:
            assert classifier.output_kind == "probabilities"
            assert classifier.label_source == "its description"
            assert classifier.pixel_range == (0, 1, "its description", False)
            predictions = [classifier.classify(image) for image in test_split.images[:2]]
        assert [one.index for one in predictions] == [9, 2]
        # Another processor's kernels may add in another order.
        assert [one.score for one in predictions] == pytest.approx(scores, rel=1e-6)
