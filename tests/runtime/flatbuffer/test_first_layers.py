"""What an affine function in front of a network tells about the pixels that it expects."""

import struct

import pytest

from fmnist_runtime.flatbuffer import first_layers
from fmnist_runtime.flatbuffer.graph import Graph, Operator, Tensor
from fmnist_runtime.flatbuffer.tables import Vector

Step = tuple[str, float | list[float]]


def model(*steps: Step, reversed_inputs: bool = False, activation: str = "", source: str = "float32"):
    """A graph of (1, 28, 28) pixels that does `steps` with constants, then RESHAPE and DIV by them; and its bytes."""
    content = b""
    tensors = [Tensor("", (1, 28, 28), source, (1.0,), (0,), Vector(0, 0, 1))]
    operators = []
    pixels = 0
    for name, value in steps:
        numbers = value if isinstance(value, list) else [value]
        place = Vector(len(content), 4 * len(numbers), 1)
        content += struct.pack(f"<{len(numbers)}f", *numbers)
        tensors.append(Tensor("", (len(numbers),) if isinstance(value, list) else (), "float32", (), (), place))
        tensors.append(Tensor("", (1, 28, 28), "float32", (), (), Vector(0, 0, 1)))
        constant, result = len(tensors) - 2, len(tensors) - 1
        inputs = (constant, pixels) if reversed_inputs else (pixels, constant)
        operators.append(Operator(name, 1, inputs, (result,), activation))
        pixels = result
    tensors.append(Tensor("", (1, 784), "float32", (), (), Vector(0, 0, 1)))
    operators.append(Operator("RESHAPE", 1, (pixels,), (len(tensors) - 1,)))
    return Graph(tuple(tensors), tuple(operators), (0,), (len(tensors) - 1,), ""), content


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("MUL", 1 / 255)], (0, 255)),
        ([("DIV", 255.0)], (0, 255)),
        ([("DIV", 256.0)], (0, 255)),
        ([("MUL", 1 / 127.5), ("SUB", 1.0)], (0, 255)),
        ([("SUB", 127.5), ("DIV", 127.5)], (0, 255)),
        ([("DIV", 255.0), ("SUB", 0.286), ("DIV", 0.353)], (0, 255)),
        ([("SUB", 72.9), ("DIV", 90.0)], (0, 255)),
        ([("SUB", 128.0)], (0, 255)),
        ([("MUL", -1 / 255), ("ADD", 1.0)], (0, 255)),
        ([("MUL", 2.0), ("SUB", 1.0)], (0, 1)),
        ([("SUB", 0.5), ("MUL", 2.0)], (0, 1)),
        ([("SUB", 0.286), ("DIV", 0.353)], (0, 1)),
        ([("SUB", 0.1307), ("DIV", 0.3081)], (0, 1)),
        ([("SUB", 0.5)], (0, 1)),
        ([("MUL", -1.0), ("ADD", 1.0)], (0, 1)),
        ([("MUL", 255.0)], (0, 1)),
        ([("ADD", 1.0), ("MUL", 0.5)], (-1, 1)),
        ([("ADD", 1.0), ("MUL", 127.5)], (-1, 1)),
        # A constant for each column; the medians count.
        ([("SUB", [0.0] * 4 + [80.0] * 24), ("DIV", [1e-7] * 4 + [90.0] * 24)], (0, 255)),
        # Nothing is said by a batch norm of standardized pixels, no factor at all, or one of another kind.
        ([("MUL", 1.04), ("ADD", -0.06)], None),
        ([("MUL", 1.0)], None),
        ([("ADD", 0.0)], None),
        ([("MUL", 0.1)], None),
        ([("MUL", 0.0)], None),
        ([("DIV", 0.0)], None),
        ([("MUL", float("nan"))], None),
        ([("MUL", 3e38)] * 20, None),
        ([("POW", 1 / 255)], None),
        ([("MUL", [1 / 255] * 5)], None),
        ([], None),
    ],
)
def test_the_first_operators_give_the_range(steps: list[Step], expected: tuple[float, float] | None) -> None:
    found = first_layers.infer_range(*model(*steps))
    assert (found and found[:2]) == expected
    assert found is None or (found.reason.startswith("inferred from the first layer, ") and not found.assumed)


def test_the_constant_may_be_the_first_input() -> None:
    inverted = first_layers.infer_range(*model(("SUB", 1.0), reversed_inputs=True))
    assert inverted is not None
    assert inverted[:3] == (0, 1, "inferred from the first layer, -1 * x + 1")
    assert first_layers.infer_range(*model(("SUB", 255.0), reversed_inputs=True))[:2] == (0, 255)  # type: ignore[index]
    assert first_layers.infer_range(*model(("DIV", 255.0), reversed_inputs=True)) is None


def test_an_operator_that_is_not_affine_ends_the_search() -> None:
    assert first_layers.infer_range(*model(("MUL", 1 / 255), activation="RELU")) is None


def test_an_int16_input_gives_a_range_only_where_its_scale_is_large() -> None:
    graph, content = model()
    for scale, expected in ((255 / 32767, (0, 255)), (1 / 32767, None), (2.02 / 32767, None)):
        source = graph.tensors[0]._replace(dtype="int16", scales=(scale,))
        found = first_layers.infer_range(graph._replace(tensors=(source, *graph.tensors[1:])), content)
        assert (found and found[:2]) == expected
