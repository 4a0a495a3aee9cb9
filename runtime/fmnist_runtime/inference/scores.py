"""From what a model's output tensor holds to the scores of the classes; ten numbers are too few to need numpy.

Probabilities, log-probabilities and logits become probabilities that sum to 1. Independent probabilities stay what they
are, each a class's own. What is unknown has no scores, None.

Raises ModelFileError where the outputs are no scores (NaN, infinite, all zero): the model's weights are damaged.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.flatbuffer.output_kind import OutputKind

Scores = Sequence[float] | Sequence[None]


class Rule(NamedTuple):
    """Real value = (output - zero_point) * scale; `kind` says what real values are.

    `lowest` is the lowest value that the output's dtype holds, or could for the zero point of a float: 0.
    """

    kind: OutputKind
    scale: float
    zero_point: int
    lowest: int


def argmax_function(output: NDArray[Any]) -> Callable[[], Any]:
    """A function that returns the number of the highest value in `output`, (classes,), the first where some tie."""
    if output.dtype.kind != "f":
        return output.argmax
    argmax, item = output.argmax, output.item

    def argmax_of_numbers() -> Any:
        # numpy's argmax stops at the first NaN, so one look at what it found is enough.
        index = argmax()
        value = item(index)
        if value != value:
            raise not_scores()
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
        _check_numbers(outputs)
        return [(output - zero_point) * scale for output in outputs]

    def leave_out(outputs: list[float]) -> list[None]:
        _check_numbers(outputs)
        return [None] * len(outputs)

    # The softmax of logarithms of probabilities is their exponentials, divided by the sum that rounding left.
    functions: dict[OutputKind, Callable[[list[float]], Scores]] = {
        "probabilities": normalise,
        "log-probabilities": softmax,
        "logits": softmax,
        "independent probabilities": dequantize,
        "unknown": leave_out,
    }
    return functions[rule.kind]


def highest_score_function(rule: Rule) -> Callable[[list[float], float], float | None]:
    """A function from an output's values and the highest of them to the score of the latter."""
    scale, zero_point, exp = rule.scale, rule.zero_point, math.exp
    scores = scores_function(rule)

    def normalise(outputs: list[float], highest: float) -> float:
        total = sum(outputs) - zero_point * len(outputs)
        if not 0 < total < math.inf:
            raise not_scores()
        return (highest - zero_point) / total

    def softmax(outputs: list[float], highest: float) -> float:
        total = sum([exp((output - highest) * scale) for output in outputs])
        if not total < math.inf:
            raise not_scores()
        return 1 / total

    if rule.kind in ("logits", "log-probabilities"):
        return softmax
    # Values below the zero point count as 0, which only a zero point inside the dtype's range makes possible.
    if rule.kind == "probabilities" and rule.zero_point == rule.lowest:
        return normalise
    return lambda outputs, highest: scores(outputs)[outputs.index(highest)]


def not_scores() -> ModelFileError:
    """The error for outputs that are no scores."""
    return ModelFileError(
        "the model's scores are all zero or not numbers; its weights are damaged, copy or export it again"
    )


def _divide(values: list[float], total: float) -> list[float]:
    if not 0 < total < math.inf:
        raise not_scores()
    return [value / total for value in values]


def _check_numbers(outputs: list[float]) -> None:
    if not math.isfinite(sum(outputs)):
        raise not_scores()
