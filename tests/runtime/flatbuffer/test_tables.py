import json
import sys
from pathlib import Path

import pytest
from environments import run_python
from helpers import ROOT

from fmnist_runtime.errors import DamagedModelError, ModelFileError
from fmnist_runtime.flatbuffer import graph, output_kind
from fmnist_runtime.flatbuffer import tables as flatbuffer
from fmnist_runtime.flatbuffer.tables import Vector
from fmnist_runtime.model import shipped

BOMBS = ROOT / "tests" / "runtime" / "programs" / "bombs.py"


@pytest.fixture(scope="module")
def content() -> bytes:
    return shipped.model_path(None).read_bytes()


def test_the_graph_of_the_shipped_mlp() -> None:
    model = graph.read(shipped.model_path("mlp").read_bytes())
    assert model.versions == {"DEQUANTIZE": 2, "FULLY_CONNECTED": 4, "RESHAPE": 1, "SOFTMAX": 1}
    source, result = model.tensors[model.inputs[0]], model.tensors[model.outputs[0]]
    assert (source.shape, source.dtype, source.zero_points) == ((1, 28, 28), "int8", (-128,))
    assert (result.shape, result.dtype) == ((1, 10), "float32")
    assert output_kind.infer(model) == "probabilities"
    assert model.description == "fmnist-edge zip"


def test_a_model_cut_short_anywhere_is_refused_and_never_misread(content: bytes) -> None:
    size = len(content)
    whole = graph.read(content)
    for cut in range(0, size, 97):
        try:
            assert graph.read(content[:cut]) == whole, cut
        except DamagedModelError as error:
            assert "cut short" in str(error)  # noqa: PT017


@pytest.mark.slow
def test_flipped_bytes_raise_only_model_file_errors(content: bytes) -> None:
    flatbuffer = bytearray(content)
    refused = 0
    for position in range(0, len(flatbuffer), 41):
        flatbuffer[position] ^= 0xFF
        try:
            graph.read(bytes(flatbuffer))
        except ModelFileError:
            refused += 1
        flatbuffer[position] ^= 0xFF
    assert refused > 10


def graph_of(*operators: graph.Operator) -> graph.Graph:
    """Four tensors, 0 the input, 1 a constant, 3 the output."""
    data = (Vector(0, 0, 1), Vector(8, 4, 1), Vector(0, 0, 1), Vector(0, 0, 1))
    tensors = tuple(graph.Tensor("", (1, 1), "float32", (), (), place) for place in data)
    return graph.Graph(tensors, operators, (0,), (3,), "")


def operator(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> graph.Operator:
    return graph.Operator("ADD", 1, inputs, outputs)


def test_the_order_of_execution_is_checked() -> None:
    first, second = operator((0, 1, -1), (2,)), operator((2, 1), (3,))
    graph._check_order(graph_of(first, second))
    for wrong, words in [
        ((second, first), "reads tensor 2 before"),
        ((first, operator((3,), (3,))), "reads tensor 3 before"),
        ((first, second, operator((0,), (2,))), "writes tensor 2"),
        ((operator((0,), (1,)),), "writes tensor 1, which is constant"),
        ((operator((1,), (0,)),), "writes tensor 0"),
        ((first,), "never computed"),
    ]:
        with pytest.raises(DamagedModelError, match=words):
            graph._check_order(graph_of(*wrong))


def test_the_order_is_checked_in_a_file_that_is_read() -> None:
    tiny = (shipped.MODELS_FOLDER / "doctor.tflite").read_bytes()
    messages = set()
    for place in range(0, len(tiny) - 4, 4):
        try:
            graph.read(tiny[:place] + b"\5\0\0\0" + tiny[place + 4 :])
        except DamagedModelError as error:
            messages.add(str(error))
    assert any("before it is computed" in message for message in messages)


def test_a_string_without_a_zero_byte_is_refused(content: bytes) -> None:
    end = content.index(b"fmnist-edge zip\0") + len("fmnist-edge zip")
    changed = bytearray(content)
    changed[end] = 1
    with pytest.raises(DamagedModelError, match="has no end"):
        graph.read(bytes(changed))


@pytest.mark.parametrize(
    "kind",
    [
        "tensor_names",
        "tensor_scales",
        "operator_inputs",
        "custom_codes",
        "metadata_names",
        "signatures",
        "metadata_vtable",
    ],
)
def test_many_offsets_to_one_place_cost_neither_memory_nor_time(kind: str) -> None:
    result = run_python(Path(sys.executable), BOMBS, kind, 400)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["bytes"] < 5_000_000
    assert "more than a model of its size can have" in found["words"]
    assert found["seconds"] < 10, "of the processor's time"


@pytest.mark.parametrize("name", [*shipped.SHIPPED.values(), "doctor.tflite"])
def test_a_model_with_shared_parts_needs_a_small_part_of_its_budget(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[flatbuffer.Budget] = []

    class Kept(flatbuffer.Budget):
        def __init__(self, size: int) -> None:
            super().__init__(size)
            budgets.append(self)

    monkeypatch.setattr(flatbuffer, "Budget", Kept)
    content = (shipped.MODELS_FOLDER / name).read_bytes()
    graph.read(content)
    whole = flatbuffer.Budget(len(content)).left
    assert whole - budgets[0].left < whole / 20
