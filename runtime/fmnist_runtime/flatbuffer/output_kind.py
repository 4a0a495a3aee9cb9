"""What a model's outputs are, from the operators that compute them: probabilities, logits or something else.

The same numbers mean different things: 0.9 beside nine zeros is a probability of 0.9 after a softmax, and one of 0.21
where it is a logit. So a score exists only where the kind is known. The scores themselves are computed in
fmnist_runtime.inference.scores.
"""

import math
from typing import Literal, get_args

from fmnist_runtime.flatbuffer.graph import Graph, Operator

OutputKind = Literal["probabilities", "log-probabilities", "independent probabilities", "logits", "unknown"]
OUTPUT_KINDS: tuple[str, ...] = get_args(OutputKind)

_ENDS: dict[str, OutputKind] = {
    "SOFTMAX": "probabilities",
    "LOG_SOFTMAX": "log-probabilities",
    # A sigmoid for each class: they need not sum to 1.
    "LOGISTIC": "independent probabilities",
    "FULLY_CONNECTED": "logits",
    "CONV_2D": "logits",
    "DEPTHWISE_CONV_2D": "logits",
    "TRANSPOSE_CONV": "logits",
    "BATCH_MATMUL": "logits",
}
# Operators that change the form of a result but not its meaning.
_FORM = {"QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "CAST"}
_MEANS = {"MEAN", "AVERAGE_POOL_2D"}
_SUMS = {"ADD", "SUB"}
_PRODUCTS = {"MUL", "DIV"}


def infer(graph: Graph) -> OutputKind:
    """What the first output of `graph` holds, apart from its quantization.

    It is "unknown" where an activation such as RELU or TANH comes last, or an operator that is not listed here: then
    the highest output is the answer, and its score is unknown.
    """
    kinds: dict[int, OutputKind] = {}
    constants = {number for number, tensor in enumerate(graph.tensors) if tensor.data.length}
    for operator in graph.operators:
        inputs = [number for number in operator.inputs if number >= 0]
        if inputs and constants.issuperset(inputs):
            constants.update(operator.outputs)
            continue
        computed = [kinds.get(number, "unknown") for number in inputs if number not in constants]
        kind = _kind(operator, computed, graph)
        kinds.update(dict.fromkeys(operator.outputs, kind))
    return kinds.get(graph.outputs[0], "unknown") if graph.outputs else "unknown"


def _kind(operator: Operator, computed: "list[OutputKind]", graph: Graph) -> OutputKind:
    """The kind of the result of `operator` on inputs of the kinds `computed`; constant inputs are left out."""
    if operator.activation or not computed:
        return "unknown"
    if operator.name in _ENDS:
        return _ENDS[operator.name]
    if operator.name in _FORM:
        return computed[0]
    if operator.name in _MEANS:
        return computed[0] if computed[0] in ("logits", "probabilities") else "unknown"
    if operator.name in _SUMS:
        return _sum(operator, computed)
    if operator.name in _PRODUCTS and len(computed) == 1:
        return _product(operator, computed[0], graph)
    return "unknown"


def _sum(operator: Operator, computed: "list[OutputKind]") -> OutputKind:
    if "logits" in computed:
        return "logits"
    # The mean of several softmaxes is a sum and a product; scores are divided by their own sum, so the factor is lost.
    averaged = operator.name == "ADD" and len(computed) > 1 and set(computed) == {"probabilities"}
    return "probabilities" if averaged else "unknown"


def _product(operator: Operator, computed: OutputKind, graph: Graph) -> OutputKind:
    if computed == "logits":
        return "logits"
    sizes = [math.prod(graph.tensors[number].shape) for number in operator.inputs if number >= 0]
    return "probabilities" if computed == "probabilities" and min(sizes) == 1 else "unknown"
