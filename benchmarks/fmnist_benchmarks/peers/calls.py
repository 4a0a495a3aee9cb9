"""The calls that are compared: each a function that classifies one image, (28, 28) uint8, and returns the class.

`CALLS[name](model, backend)` makes one; it raises ImportError where its package is missing. Each call is timed in a
process of its own, `python -m fmnist_benchmarks.peers.calls`, which `start` starts.
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
from fmnist_benchmarks.measure.processes import Worker
from fmnist_benchmarks.peers import dense, keras_calls
from fmnist_runtime import Classifier
from fmnist_runtime.inference import selection
from fmnist_runtime.model import model_file

Image = NDArray[np.uint8]
Call = Callable[[Image], Any]


def index(model: Path, backend: str) -> Call:
    """`classifier.index(image)`."""
    return Classifier(model, backend=backend).index


def classify(model: Path, backend: str) -> Call:
    """`classifier.classify(image)`, the class of its prediction."""
    ask = Classifier(model, backend=backend).classify
    # It is timed without this wrapper; see `timed_call`.
    return lambda image: ask(image).index


def guide(model: Path, backend: str) -> Call:
    """The lines of the official guides: expand_dims, divide, quantize, set_tensor, invoke, get_tensor, argmax."""
    interpreter: Any
    interpreter, _ = selection.build(model_file.read(model).flatbuffer, backend)
    input_details = interpreter.get_input_details()[0]
    output_details = interpreter.get_output_details()[0]

    def answer(image: Image) -> Any:
        data = np.expand_dims(image / 255.0, axis=0)
        if input_details["dtype"] != np.float32:
            scale, zero_point = input_details["quantization"]
            data = data / scale + zero_point  # the guides truncate, which is faster than rounding
        interpreter.set_tensor(input_details["index"], data.astype(input_details["dtype"]))
        interpreter.invoke()
        output = interpreter.get_tensor(output_details["index"])[0]
        return np.argmax(output)

    return answer


def compiled_model(model: Path, _: str) -> Call:
    """LiteRT's CompiledModel on the CPU, with the preparation that a caller has to write."""
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


def onnxruntime(model: Path, _: str) -> Call:
    """The same network with float32 weights in onnxruntime, one thread."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights, name = [], [], "input"
    layers = dense.read_layers(model)
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


def numpy(model: Path, _: str) -> Call:
    """The same network with float32 weights in numpy. The class needs no softmax."""
    layers = [(np.ascontiguousarray(layer.weights.T), layer.bias) for layer in dense.read_layers(model)]
    white = np.float32(255)

    def answer(image: Image) -> Any:
        values = image.reshape(784) / white
        for weights, bias in layers[:-1]:
            values = np.maximum(values @ weights + bias, 0)
        weights, bias = layers[-1]
        return (values @ weights + bias).argmax()

    return answer


CALLS: dict[str, Callable[[Path, str], Call]] = {
    "index": index,
    "classify": classify,
    "guide": guide,
    "compiled_model": compiled_model,
    "onnxruntime": onnxruntime,
    "numpy": numpy,
}
BARE = "bare"
_UNCOUNTED = 2


class TimedCall(NamedTuple):
    """`time_block` gives the nanoseconds of each call for some images; `call` is None where there is no answer."""

    time_block: Callable[[Iterable[Image]], list[int]]
    call: Call | None


def start(name: str, model: Path, images: Path, backend: str) -> Worker:
    """Start a process that times the call `name`, as for `timed_call`, on `images`, (N, 28, 28) uint8 as .npy."""
    command = [sys.executable, "-m", "fmnist_benchmarks.peers.calls", name, str(model), str(images)]
    return Worker(name, [*command, "--backend", backend])


def timed_call(name: str, model: Path, backend: str) -> TimedCall:
    """The call `name`: a key of CALLS or of keras_calls.CALLS, or BARE. Raises ImportError as the calls do."""
    if name == BARE:
        return TimedCall(_bare(model, backend), None)
    if name == "classify":
        ask = Classifier(model, backend=backend).classify
        return TimedCall(lambda images: sample(ask, images), lambda image: ask(image).index)
    call = (CALLS.get(name) or keras_calls.CALLS[name])(model, backend)
    return TimedCall(lambda images: sample(call, images), call)


def _bare(model: Path, backend: str) -> Callable[[Iterable[Image]], list[int]]:
    """The interpreter's own invoke() alone; the image is written before the clock starts."""
    interpreter: Any
    interpreter, _ = selection.build(model_file.read(model).flatbuffer, backend)
    details = interpreter.get_input_details()[0]
    place, dtype = details["index"], details["dtype"]

    def write(image: Image) -> None:
        data = image / np.float32(255) if dtype == np.float32 else (image ^ np.uint8(0x80)).view(dtype)
        interpreter.set_tensor(place, data[np.newaxis])

    return lambda images: sample_steps(write, interpreter.invoke, images)[1]


@click.command("fmnist_benchmarks.peers.calls")
@click.argument("name")
@click.argument("model", type=Path)
@click.argument("images", type=Path)
@click.option("--backend", default="auto")
def main(name: str, model: Path, images: Path, backend: str) -> None:
    """Time the call NAME with MODEL on blocks of IMAGES, an .npy file.

    Each line of standard input, "first count", is answered with a JSON list of nanoseconds; "answers count" with the
    classes of the first images. The first calls of a block are not counted: the processor's caches still hold another
    process's data.
    """
    try:
        time_block, call = timed_call(name, model, backend)
    except ImportError as error:
        print(json.dumps({"unavailable": f"{error.name or error} is not installed"}), flush=True)
        return
    stack = np.load(images)
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        first, count = line.split()
        if first == "answers":
            answers = [int(call(image)) for image in stack[: int(count)]] if call else None
            print(json.dumps(answers), flush=True)
            continue
        numbers = range(int(first) - _UNCOUNTED, int(first) + int(count))
        print(json.dumps(time_block([stack[number % len(stack)] for number in numbers])[_UNCOUNTED:]), flush=True)


if __name__ == "__main__":
    main()
