import math

import numpy as np
import pytest

from fmnist_runtime.errors import InvalidOutputError
from fmnist_runtime.inference import scores
from fmnist_runtime.inference.scores import Rule

FLOAT = Rule("probabilities", scale=1.0, zero_point=0, lowest=0)
INT8 = Rule("probabilities", scale=1 / 256, zero_point=-128, lowest=-128)
INT8_WITHIN = Rule("probabilities", scale=1 / 128, zero_point=0, lowest=-128)
LOGITS = Rule("logits", scale=0.5, zero_point=3, lowest=-128)
RULES = [FLOAT, INT8, INT8_WITHIN, LOGITS]


@pytest.mark.parametrize("rule", RULES)
def test_scores_are_probabilities_and_the_highest_is_the_highest(rule: Rule) -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        outputs = rng.random(10).tolist() if rule is FLOAT else rng.integers(-128, 128, 10).tolist()
        found = scores.scores_function(rule)(outputs)
        assert sum(found) == pytest.approx(1)
        assert min(found) >= 0
        assert scores.highest_score_function(rule)(outputs, max(outputs)) == pytest.approx(max(found), abs=1e-12)


def test_logits_become_their_softmax() -> None:
    real = (np.array([3, 5, 1]) - 3) * 0.5
    expected = np.exp(real) / np.exp(real).sum()
    assert scores.scores_function(LOGITS)([3, 5, 1]) == pytest.approx(expected.tolist())


@pytest.mark.parametrize("rule", [FLOAT, Rule("logits", 1.0, 0, 0)])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_and_infinite_outputs_are_refused(rule: Rule, bad: float, place: int) -> None:
    outputs = [0.25, 0.5, 0.25]
    outputs[place] = bad
    with pytest.raises(InvalidOutputError, match="not numbers"):
        scores.scores_function(rule)(outputs)
    with pytest.raises(InvalidOutputError, match="not numbers"):
        scores.highest_score_function(rule)(outputs, max(outputs))


def test_outputs_that_are_all_zero_are_refused() -> None:
    for rule, outputs in ((FLOAT, [0.0] * 10), (INT8, [-128] * 10)):
        with pytest.raises(InvalidOutputError, match="all zero"):
            scores.scores_function(rule)(outputs)
        with pytest.raises(InvalidOutputError, match="all zero"):
            scores.highest_score_function(rule)(outputs, max(outputs))


def test_argmax_takes_the_first_of_those_that_tie_and_refuses_nan() -> None:
    assert scores.argmax_function(np.array([1, 3, 3], np.int8))() == 1
    output = np.array([1, 3, 3], np.float32)
    argmax = scores.argmax_function(output)
    assert argmax() == 1
    output[2] = np.nan
    with pytest.raises(InvalidOutputError, match="not numbers"):
        argmax()
