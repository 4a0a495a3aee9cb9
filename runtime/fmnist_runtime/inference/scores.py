"""From the values of a model's output tensor to the scores of the classes, without numpy for so few numbers.

Probabilities, log-probabilities and logits become probabilities that sum to 1. Independent probabilities stay as they
are, one for each class. Outputs of an unknown kind have no scores: None.

All functions raise InvalidOutputError where outputs are NaN, infinite or all zero: the model's weights are damaged.
This module does not find out which kind the outputs are (fmnist_runtime.flatbuffer.output_kind).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from fmnist_runtime.errors import InvalidOutputError
from fmnist_runtime.flatbuffer.output_kind import OutputKind

Scores = Sequence[float] | Sequence[None]
INVALID = "the model's outputs are all zero or not numbers; its weights are damaged, copy or export it again"


class Rule(NamedTuple):
    """How outputs become scores: real value = (output - zero_point) * scale; `kind` says what real values are.

    `lowest` is the lowest value of the output's dtype, 0 for floats.
    """

    kind: OutputKind
    scale: float
    zero_point: int
    lowest: int


def argmax_function(output: NDArray[Any]) -> Callable[[], Any]:
    """A function that returns the index of the highest value in `output`, (classes,); of values that tie, the first."""
    if output.dtype.kind != "f":
        return output.argmax
    argmax, item = output.argmax, output.item

    def argmax_of_numbers() -> Any:
        # numpy's argmax stops at the first NaN, so checking the value that it found is enough.
        index = argmax()
        value = item(index)
        if value != value:
            raise InvalidOutputError(INVALID)
        return index

    return argmax_of_numbers


def scores_function(rule: Rule) -> Callable[[list[float]], Scores]:
    """A function from an output's values to the scores of all classes."""
    zero_point, scale = rule.zero_point, rule.scale

    def normalise(outputs: list[float]) -> list[float]:
        values = [max(output - zero_point, 0) if output == output else output for output in outputs]
        return _divide(values, sum(values))

    def softmax(outputs: list[float]) -> list[float]:
        highest = max(outputs)
        powers = [math.exp((output - highest) * scale) for output in outputs]
        return _divide(powers, sum(powers))

    def dequantize(outputs: list[float]) -> list[float]:
        _check_finite(outputs)
        return [(output - zero_point) * scale for output in outputs]

    def no_scores(outputs: list[float]) -> list[None]:
        _check_finite(outputs)
        return [None] * len(outputs)

    # The softmax of log-probabilities is their exponentials, divided by a sum that is 1 but for rounding.
    functions: dict[OutputKind, Callable[[list[float]], Scores]] = {
        "probabilities": normalise,
        "log-probabilities": softmax,
        "logits": softmax,
        "independent probabilities": dequantize,
        "unknown": no_scores,
    }
    return functions[rule.kind]


def highest_score_function(rule: Rule) -> Callable[[list[float], float], float | None]:
    """A function from an output's values and the highest of them to the score of the highest."""
    scale, zero_point, exp = rule.scale, rule.zero_point, math.exp
    scores = scores_function(rule)

    def normalise(outputs: list[float], highest: float) -> float:
        total = sum(outputs) - zero_point * len(outputs)
        if not 0 < total < math.inf:
            raise InvalidOutputError(INVALID)
        return (highest - zero_point) / total

    def softmax(outputs: list[float], highest: float) -> float:
        total = sum([exp((output - highest) * scale) for output in outputs])
        if not total < math.inf:
            raise InvalidOutputError(INVALID)
        return 1 / total

    if rule.kind in ("logits", "log-probabilities"):
        return softmax
    # Values below the zero point count as 0, which only a zero point inside the dtype's range makes possible.
    if rule.kind == "probabilities" and rule.zero_point == rule.lowest:
        return normalise
    return lambda outputs, highest: scores(outputs)[outputs.index(highest)]


def _divide(values: list[float], total: float) -> list[float]:
    if not 0 < total < math.inf:
        raise InvalidOutputError(INVALID)
    return [value / total for value in values]


def _check_finite(outputs: list[float]) -> None:
    if not math.isfinite(sum(outputs)):
        raise InvalidOutputError(INVALID)
