"""Compare each tensor of an int8 file with that of its float32 file: python -m fmnist_export.explain.tensors.

Runs in a process of its own and imports no tensorflow, which would break tflite-runtime in the same process. Everything
is computed as on a device, by the interpreter that fmnist_runtime selects, with its delegates.
"""

import json
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.commandline import FILE, Command, print_json
from fmnist_runtime.flatbuffer import graph, tables
from fmnist_runtime.inference import selection

Floats = NDArray[np.float32]

INPUTS, REFERENCE, QUANTIZED, PAIRS, VARIANTS, CLASSES = (
    "inputs.npy",
    "reference.tflite",
    "quantized.tflite",
    "pairs.json",
    "variant-*.tflite",
    "classes.npy",
)

_FLOAT_NOISE = 1e-12


@dataclass(frozen=True)
class TensorComparison:
    """A tensor of the int8 file compared with its reference, over all images.

    `sqnr_db` comes from `sqnr`. `lowest` and `highest` are values of the reference. The others are shares of the
    tensor's values: `at_least` and `at_greatest` are at the limits of its dtype, and of `clipped` ones the reference is
    outside the representable range; None for a float tensor.
    """

    sqnr_db: float | None
    lowest: float
    highest: float
    at_least: float | None
    at_greatest: float | None
    clipped: float | None


def sqnr(signal: float, noise: float) -> float | None:
    """The signal to quantization noise ratio in dB, 10 log10(signal / noise), of two sums of squares.

    None without a signal, and above 120 dB, where the difference is only float32's own rounding (24 bits, about 144
    dB).
    """
    if signal == 0 or noise <= signal * _FLOAT_NOISE:
        return None
    return 10 * math.log10(signal / noise)


class RunningComparison:
    """The running sums for one tensor: call `add` for each image, then `result`."""

    def __init__(self, details: dict[str, Any]) -> None:
        self._integer = np.issubdtype(details["dtype"], np.integer)
        scale, zero_point = details["quantization"]
        self._scale, self._zero_point = np.float32(scale), np.int32(zero_point)
        if self._integer:
            self._limits = np.iinfo(details["dtype"])
            # Half a step beyond the limits still rounds to them.
            self._floor = (self._limits.min - 0.5 - zero_point) * scale
            self._ceiling = (self._limits.max + 0.5 - zero_point) * scale
        self._signal = self._noise = 0.0
        self._lowest, self._highest = math.inf, -math.inf
        self._count = self._at_least = self._at_greatest = self._clipped = 0

    def add(self, reference: Floats, values: NDArray[Any]) -> None:
        """Add the `values` of the tensor for one image, and as many float32 values of the `reference`."""
        expected, found = reference.ravel(), values.ravel()
        if self._integer:
            self._at_least += int(np.count_nonzero(found == self._limits.min))
            self._at_greatest += int(np.count_nonzero(found == self._limits.max))
            self._clipped += int(np.count_nonzero((expected < self._floor) | (expected > self._ceiling)))
            found = (found.astype(np.int32) - self._zero_point) * self._scale
        difference = (found - expected).astype(np.float64)
        self._noise += float(difference @ difference)
        self._signal += float(np.dot(expected, expected.astype(np.float64)))
        self._lowest = min(self._lowest, float(expected.min()))
        self._highest = max(self._highest, float(expected.max()))
        self._count += expected.size

    def result(self) -> TensorComparison:
        """The comparison over all images so far."""
        shares = (self._at_least, self._at_greatest, self._clipped)
        found = [count / self._count for count in shares] if self._integer else [None, None, None]
        return TensorComparison(sqnr(self._signal, self._noise), self._lowest, self._highest, *found)


def measure(
    reference: bytes, quantized: bytes, pairs: Sequence[tuple[int, int]], inputs: Floats, backend: str
) -> list[TensorComparison]:
    """Compare each of `pairs`, the number of a tensor in `reference` and in `quantized`, over all `inputs`.

    `reference` is a float32 flatbuffer; `inputs`, (N, ...) float32, are as the model takes them.
    """
    comparisons = []
    for ours, theirs in pairs:
        (expected, _), (found, details) = (
            outputs(with_output(file, number), inputs, backend)
            for file, number in ((reference, ours), (quantized, theirs))
        )
        comparison = RunningComparison(details)
        for before, after in zip(expected, found, strict=True):
            comparison.add(before, after)
        comparisons.append(comparison.result())
    return comparisons


def with_output(content: bytes, tensor: int) -> bytes:
    """The flatbuffer `content`, which has one output, with `tensor` as its output; no offset changes.

    So the interpreter shows this tensor and otherwise runs as usual. Its option to keep all tensors
    (experimental_preserve_all_tensors) turns the delegates off, and an ADD still overwrites its input.
    """
    (subgraph,) = tables.root(content, graph.IDENTIFIER).tables(2, 1)
    start = subgraph.vector(2, 4).start
    return content[:start] + struct.pack("<i", tensor) + content[start + 4 :]


def outputs(content: bytes, inputs: Floats, backend: str) -> tuple[Iterator[NDArray[Any]], dict[str, Any]]:
    """The output tensor for each of `inputs`, (N, ...) float32 as the model takes them, and the tensor's details.

    For a quantized input they are rounded to its scale, as the converter's QUANTIZE rounds.
    """
    interpreter: Any
    interpreter, _ = selection.build(content, backend)
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    values: NDArray[Any] = inputs
    if np.issubdtype(source["dtype"], np.integer):
        scale, zero_point = source["quantization"]
        limits = np.iinfo(source["dtype"])
        values = np.clip(np.rint(inputs / np.float32(scale)) + zero_point, limits.min, limits.max)
    values = values.astype(source["dtype"]).reshape(-1, *source["shape"])

    def run() -> Iterator[NDArray[Any]]:
        for image in values:
            interpreter.set_tensor(source["index"], image)
            interpreter.invoke()
            yield interpreter.get_tensor(result["index"])

    return run(), result


def classes(content: bytes, inputs: Floats, backend: str) -> NDArray[np.int64]:
    """The class of the model, (N,) int64, for each of `inputs`, (N, ...) float32 as the model takes them."""
    results, _ = outputs(content, inputs, backend)
    return np.fromiter((values.argmax() for values in results), np.int64, len(inputs))


@click.command("fmnist_export.explain.tensors", cls=Command)
@click.argument("folder", type=FILE)
@click.option(
    "--tensor-images", type=int, default=500, show_default=True, help="Number of images for the comparison of tensors."
)
@click.option("--backend", default="auto", show_default=True)
def main(folder: Path, tensor_images: int, backend: str) -> None:
    """Compare the tensors of quantized.tflite in FOLDER, and save its classes and those of every variant-*.tflite."""
    inputs = np.load(folder / INPUTS)
    quantized = (folder / QUANTIZED).read_bytes()
    _, runtime = selection.build(quantized, backend)
    comparisons = measure(
        (folder / REFERENCE).read_bytes(),
        quantized,
        json.loads((folder / PAIRS).read_text()),
        inputs[:tensor_images],
        runtime.name,
    )
    models = [quantized, *(path.read_bytes() for path in sorted(folder.glob(VARIANTS)))]
    np.save(folder / CLASSES, np.stack([classes(model, inputs, runtime.name) for model in models]))
    tensors = [asdict(item) for item in comparisons]
    print_json({"runtime": runtime.name, "version": runtime.version, "tensors": tensors})


if __name__ == "__main__":
    main()
