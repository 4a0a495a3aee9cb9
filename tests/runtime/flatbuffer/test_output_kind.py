"""What the operators at the end of a graph make of its outputs."""

import pytest

from fmnist_runtime.flatbuffer import graph, output_kind
from fmnist_runtime.flatbuffer.graph import Graph, Operator, Tensor
from fmnist_runtime.flatbuffer.tables import Vector
from fmnist_runtime.model import shipped

# Tensors 0 and 1 are inputs, 2 a constant of one value for each class, 3 a constant of one value; the rest is computed.
_COMPUTED, _CONSTANT = Vector(0, 0, 1), Vector(8, 4, 1)


def kind(*operators: tuple[str, tuple[int, ...], int] | tuple[str, tuple[int, ...], int, str]) -> str:
    """The kind of the last output of `operators`: name, inputs, output and activation of each."""
    shapes = {2: (1, 10), 3: ()}
    tensors = tuple(
        Tensor("", shapes.get(number, (1, 10)), "float32", (), (), _CONSTANT if number in shapes else _COMPUTED)
        for number in range(20)
    )
    nodes = tuple(Operator(name, 1, inputs, (output,), *rest) for name, inputs, output, *rest in operators)
    return output_kind.infer(Graph(tensors, nodes, (0,), (operators[-1][2],), ""))


DENSE = ("FULLY_CONNECTED", (0, 2, -1), 4)
OTHER = ("FULLY_CONNECTED", (0, 2), 5)


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ([DENSE], "logits"),
        ([("FULLY_CONNECTED", (0, 2), 4, "RELU")], "unknown"),
        ([("CONV_2D", (0, 2), 4), ("MEAN", (4, 3), 5)], "logits"),
        ([("CONV_2D", (0, 2), 4, "RELU"), ("MEAN", (4, 3), 5)], "unknown"),
        ([("CONV_2D", (0, 2), 4), ("AVERAGE_POOL_2D", (4,), 5), ("RESHAPE", (5, 3), 6)], "logits"),
        ([DENSE, ("ADD", (4, 2), 5)], "logits"),
        ([DENSE, ("ADD", (4, 2), 5, "RELU6")], "unknown"),
        ([DENSE, ("MUL", (4, 3), 5), ("SUB", (5, 2), 6)], "logits"),
        ([DENSE, OTHER, ("ADD", (4, 5), 6), ("MUL", (6, 3), 7)], "logits"),
        ([DENSE, ("RELU", (0,), 5), ("ADD", (4, 5), 6)], "logits"),
        ([DENSE, ("SOFTMAX", (4,), 5), ("QUANTIZE", (5,), 6), ("RESHAPE", (6, 3), 7)], "probabilities"),
        ([DENSE, ("SOFTMAX", (4,), 5), ("DEQUANTIZE", (5,), 6), ("SQUEEZE", (6,), 7)], "probabilities"),
        ([DENSE, ("SOFTMAX", (4,), 5), ("SOFTMAX", (5,), 6)], "probabilities"),
        ([DENSE, ("SOFTMAX", (4,), 5), ("RELU", (5,), 6)], "unknown"),
        ([DENSE, ("SOFTMAX", (4,), 5), ("SOFTMAX", (0,), 6), ("ADD", (5, 6), 7), ("MUL", (7, 3), 8)], "probabilities"),
        ([DENSE, ("SOFTMAX", (4,), 5), ("MUL", (5, 2), 6)], "unknown"),
        ([DENSE, ("SOFTMAX", (4,), 5), ("ADD", (5, 2), 6)], "unknown"),
        ([DENSE, ("LOG_SOFTMAX", (4,), 5)], "log-probabilities"),
        ([DENSE, ("LOG_SOFTMAX", (4,), 5), ("MUL", (5, 3), 6)], "unknown"),
        ([DENSE, ("LOGISTIC", (4,), 5), ("QUANTIZE", (5,), 6)], "independent probabilities"),
        # swish, x * sigmoid(x), and softplus, log(1 + exp(x))
        ([DENSE, ("LOGISTIC", (4,), 5), ("MUL", (4, 5), 6)], "unknown"),
        ([DENSE, ("EXP", (4,), 5), ("ADD", (5, 3), 6), ("LOG", (6,), 7)], "unknown"),
        ([DENSE, ("TANH", (4,), 5)], "unknown"),
        ([DENSE, ("CUSTOM Mine", (4,), 5)], "unknown"),
        # A bias in float16 is dequantized first, and is constant all the same.
        ([DENSE, ("DEQUANTIZE", (2,), 5), ("ADD", (4, 5), 6)], "logits"),
        ([("DEQUANTIZE", (2,), 5), ("RELU", (0,), 6), ("ADD", (6, 5), 7)], "unknown"),
        ([("RESHAPE", (0, 3), 4)], "unknown"),
        ([("FULLY_CONNECTED", (), 4)], "unknown"),
    ],
)
def test_the_last_operators_give_the_output_kind(
    operators: list[tuple[str, tuple[int, ...], int]], expected: str
) -> None:
    assert kind(*operators) == expected


def test_a_graph_without_outputs_is_unknown() -> None:
    assert output_kind.infer(Graph((), (), (), (), "")) == "unknown"


def test_many_operators_that_share_their_inputs_take_no_time() -> None:
    """ADD(x, x) of ADD(x, x): a walk from the end would look at 2**5000 paths."""
    tensors = tuple(Tensor("", (1, 10), "float32", (), (), _COMPUTED) for _ in range(5001))
    nodes = tuple(Operator("ADD", 1, (number, number), (number + 1,)) for number in range(5000))
    assert output_kind.infer(Graph(tensors, nodes, (0,), (5000,), "")) == "unknown"


def test_activations_are_read_from_the_operators_options() -> None:
    found = graph.read(shipped.model_path("cnn-micro").read_bytes()).operators
    assert {(one.name, one.activation) for one in found if one.activation} == {("CONV_2D", "RELU"), ("ADD", "RELU")}
    assert [one.activation for one in found if one.name == "FULLY_CONNECTED"] == [""]
    mlp = graph.read(shipped.model_path("mlp").read_bytes())
    assert [one.activation for one in mlp.operators if one.name == "FULLY_CONNECTED"] == ["RELU", ""]
    assert output_kind.infer(mlp) == "probabilities"
