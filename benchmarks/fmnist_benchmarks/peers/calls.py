"""The ways to classify one image that are compared: each a function from (28, 28) uint8 to the class.

`CONTENDERS[name](model, backend)` makes one; it raises ImportError where its package is missing. A contender lives in a
process of its own, which only times blocks of images when told to: python -m fmnist_benchmarks.peers.runners.
"""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.measure.latency import sample, sample_steps
from fmnist_benchmarks.peers import dense, keras_runners
from fmnist_runtime import Classifier
from fmnist_runtime.inference import selection
from fmnist_runtime.model import model_file

Image = NDArray[np.uint8]
Answer = Callable[[Image], Any]


def index(model: Path, backend: str) -> Answer:
    """`classifier.index(image)`."""
    return Classifier(model, backend=backend).index


def classify(model: Path, backend: str) -> Answer:
    """`classifier.classify(image)`, the class of its answer."""
    ask = Classifier(model, backend=backend).classify
    # Timed without this wrapper; see `make`.
    return lambda image: ask(image).index


def guide(model: Path, backend: str) -> Answer:
    """The lines of the official guides: expand_dims, divide, quantize, set_tensor, invoke, get_tensor, argmax."""
    interpreter: Any
    interpreter, _ = selection.build(model_file.read(model).flatbuffer, backend)
    input_details = interpreter.get_input_details()[0]
    output_details = interpreter.get_output_details()[0]

    def answer(image: Image) -> Any:
        data = np.expand_dims(image / 255.0, axis=0)
        if input_details["dtype"] != np.float32:
            scale, zero_point = input_details["quantization"]
            data = data / scale + zero_point  # the guides truncate, which is faster than right
        interpreter.set_tensor(input_details["index"], data.astype(input_details["dtype"]))
        interpreter.invoke()
        output = interpreter.get_tensor(output_details["index"])[0]
        return np.argmax(output)

    return answer


def compiled_model(model: Path, _: str) -> Answer:
    """LiteRT's CompiledModel on the processor, with the same preparation as a caller has to write."""
    from ai_edge_litert.compiled_model import CompiledModel

    file = model_file.read(model)
    source, result = (file.graph.tensors[numbers[0]] for numbers in (file.graph.inputs, file.graph.outputs))
    compiled = CompiledModel.from_buffer(file.flatbuffer)
    inputs, outputs = compiled.create_input_buffers(0), compiled.create_output_buffers(0)
    classes, dtype = result.shape[1], np.dtype(result.dtype).type
    white, sign = np.float32(255), np.uint8(0x80)

    def answer(image: Image) -> Any:
        data = image / white if source.dtype == "float32" else (image ^ sign).view(np.int8)
        inputs[0].write(data)
        compiled.run_by_index(0, inputs, outputs)
        return outputs[0].read(classes, dtype).argmax()

    return answer


def onnxruntime(model: Path, _: str) -> Answer:
    """The same network, its weights as float32, in onnxruntime with one thread."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights, name = [], [], "input"
    layers = dense.layers(model)
    for number, layer in enumerate(layers):
        weights += [
            numpy_helper.from_array(layer.weights, f"w{number}"),
            numpy_helper.from_array(layer.bias, f"b{number}"),
        ]
        nodes.append(helper.make_node("Gemm", [name, f"w{number}", f"b{number}"], [f"dense{number}"], transB=1))
        last = number == len(layers) - 1
        name = "output" if last else f"active{number}"
        nodes.append(helper.make_node("Softmax" if last else "Relu", [f"dense{number}"], [name]))
    source = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 784])
    result = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, len(layers[-1].bias)])
    graph = helper.make_graph(nodes, "mlp", [source], [result], weights)
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    white = np.float32(255)
    return lambda image: session.run(None, {"input": image.reshape(1, 784) / white})[0].argmax()


def numpy(model: Path, _: str) -> Answer:
    """The same network, its weights as float32, in numpy. The class needs no softmax."""
    layers = [(np.ascontiguousarray(layer.weights.T), layer.bias) for layer in dense.layers(model)]
    white = np.float32(255)

    def answer(image: Image) -> Any:
        values = image.reshape(784) / white
        for weights, bias in layers[:-1]:
            values = np.maximum(values @ weights + bias, 0)
        weights, bias = layers[-1]
        return (values @ weights + bias).argmax()

    return answer


CONTENDERS: dict[str, Callable[[Path, str], Answer]] = {
    "index": index,
    "classify": classify,
    "guide": guide,
    "compiled_model": compiled_model,
    "onnxruntime": onnxruntime,
    "numpy": numpy,
}
BARE = "bare"
_UNCOUNTED = 2


class Timed(NamedTuple):
    """A contender that is ready: times a block of images, nanoseconds of each call; answers one, None if it can't."""

    block: Callable[[Iterable[Image]], list[int]]
    answer: Answer | None


def make(name: str, model: Path, backend: str) -> Timed:
    """The contender `name`: a key of CONTENDERS or of keras_contenders.CONTENDERS, or BARE."""
    if name == BARE:
        return Timed(_bare(model, backend), None)
    if name == "classify":
        ask = Classifier(model, backend=backend).classify
        return Timed(lambda images: sample(ask, images), lambda image: ask(image).index)
    found = CONTENDERS.get(name) or keras_runners.CONTENDERS[name]
    answer = found(model, backend)
    return Timed(lambda images: sample(answer, images), answer)


def _bare(model: Path, backend: str) -> Callable[[Iterable[Image]], list[int]]:
    """The interpreter's own invoke(), nothing else; the image is set before the clock starts."""
    interpreter: Any
    interpreter, _ = selection.build(model_file.read(model).flatbuffer, backend)
    details = interpreter.get_input_details()[0]
    place, dtype = details["index"], details["dtype"]

    def write(image: Image) -> None:
        data = image / np.float32(255) if dtype == np.float32 else (image ^ np.uint8(0x80)).view(dtype)
        interpreter.set_tensor(place, data[np.newaxis])

    return lambda images: sample_steps(write, interpreter.invoke, images)[1]


@click.command("fmnist_benchmarks.peers.runners")
@click.argument("name")
@click.argument("model", type=Path)
@click.argument("images", type=Path)
@click.option("--backend", default="auto")
def main(name: str, model: Path, images: Path, backend: str) -> None:
    """Time NAME on MODEL for blocks of IMAGES, .npy: reads "first count" a line, answers with one JSON list a line.

    "answers count" asks for the classes of the first images. The first calls of a block don't count: before them,
    another process had the processor's caches.
    """
    try:
        block, answer = make(name, model, backend)
    except ImportError as error:
        print(json.dumps({"missing": f"{error.name or error} is not installed"}), flush=True)
        return
    stack = np.load(images)
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        first, count = line.split()
        if first == "answers":
            answers = [int(answer(image)) for image in stack[: int(count)]] if answer else None
            print(json.dumps(answers), flush=True)
            continue
        numbers = range(int(first) - _UNCOUNTED, int(first) + int(count))
        print(json.dumps(block([stack[number % len(stack)] for number in numbers])[_UNCOUNTED:]), flush=True)


if __name__ == "__main__":
    main()
