import pytest

from fmnist_runtime import graph, shipped
from fmnist_runtime.errors import ModelFileError


@pytest.fixture(scope="module")
def content() -> bytes:
    return shipped.model_path(None).read_bytes()


def test_the_shipped_model_is_read_as_it_is(content: bytes) -> None:
    model = graph.read(content)
    assert model.versions == {"DEQUANTIZE": 2, "FULLY_CONNECTED": 4, "RESHAPE": 1, "SOFTMAX": 1}
    source, result = model.tensors[model.inputs[0]], model.tensors[model.outputs[0]]
    assert (source.shape, source.dtype, source.zero_points) == ((1, 28, 28), "int8", (-128,))
    assert (result.shape, result.dtype) == ((1, 10), "float32")
    assert model.ends_in_softmax
    assert model.description == "fmnist-edge zip"


def test_a_model_cut_short_anywhere_is_refused_and_never_misread(content: bytes) -> None:
    size = len(content)
    whole = graph.read(content)
    for cut in range(0, size, 97):
        try:
            assert graph.read(content[:cut]) == whole, cut
        except ModelFileError as error:
            assert "cut short" in str(error)  # noqa: PT017


def test_flipped_bytes_raise_nothing_but_model_file_errors(content: bytes) -> None:
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
