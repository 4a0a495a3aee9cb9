"""A compacted file is smaller and says the same, number by number."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from fmnist_export.convert import converter
from fmnist_export.convert.compact import compact
from fmnist_export.convert.quiet_output import quiet_output
from fmnist_export.explain import tensors
from fmnist_runtime.flatbuffer import graph
from fmnist_train.models.networks import cnn_nano

# Each needs converted models.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def contents() -> tuple[bytes, bytes]:
    """An int8 convolutional model as the converter writes it, and compacted."""
    calibration = np.random.default_rng(1).random((20, 28, 28), np.float32)
    with quiet_output():
        content = converter.CONVERTERS["int8"](cnn_nano(), calibration)
    return content, compact(content)


def test_a_twentieth_of_a_small_file_is_saved(contents: tuple[bytes, bytes]) -> None:
    content, smaller = contents
    assert len(smaller) < 0.95 * len(content)


def test_compacting_changes_no_number(contents: tuple[bytes, bytes]) -> None:
    from tensorflow.lite.tools import flatbuffer_utils

    before, after = (flatbuffer_utils.convert_bytearray_to_object(bytearray(content)) for content in contents)
    assert [code.builtinCode for code in before.operatorCodes] == [code.builtinCode for code in after.operatorCodes]
    for theirs, ours in zip(before.subgraphs[0].tensors, after.subgraphs[0].tensors, strict=True):
        assert theirs.type == ours.type
        for one, other in (
            (theirs.shape, ours.shape),
            (before.buffers[theirs.buffer].data, after.buffers[ours.buffer].data),
            (theirs.quantization.scale, ours.quantization.scale),
            (theirs.quantization.zeroPoint, ours.quantization.zeroPoint),
        ):
            np.testing.assert_array_equal(one, other)


def test_the_models_output_can_be_overwritten_without_changing_an_operator(contents: tuple[bytes, bytes]) -> None:
    model = graph.read(contents[1])
    first = model.operators[0].outputs[0]
    changed = graph.read(tensors.with_output(contents[1], first))
    assert changed.outputs == (first,) != model.outputs
    assert changed.operators == model.operators


def test_names_are_short_and_no_two_tensors_share_one(contents: tuple[bytes, bytes]) -> None:
    names = [tensor.name for tensor in graph.read(contents[1]).tensors]
    assert len(set(names)) == len(names)
    assert sum(map(len, names)) < 0.7 * sum(len(tensor.name) for tensor in graph.read(contents[0]).tensors)


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_the_interpreters_answer_the_same(contents: tuple[bytes, bytes], tmp_path: Path) -> None:
    import tensorflow

    image = np.random.default_rng(2).integers(-128, 128, (1, 28, 28), dtype=np.int8)
    answers = []
    for content in contents:
        interpreter = tensorflow.lite.Interpreter(model_content=content)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    np.testing.assert_array_equal(*answers)
