"""Every tensor of an int8 file beside the same tensor of its float32 file: python -m fmnist_export.explain_tensors.

Runs in a process of its own and imports no tensorflow, which would break tflite-runtime in the same process. The
tensors are read on the runtime's own kernels without its delegates (XNNPACK), the only way in which a runtime keeps
what lies between input and output; the answers are counted with the delegates, as a device computes them.
"""

import importlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from fmnist_runtime import interpreters
from fmnist_runtime.commandline import FILE, Command, say_json

Floats = NDArray[np.float32]

INPUTS, REFERENCE, QUANTIZED, PAIRS, VARIANTS, ANSWERS = (
    "inputs.npy",
    "reference.tflite",
    "quantized.tflite",
    "pairs.json",
    "variant-*.tflite",
    "answers.npy",
)


@dataclass(frozen=True)
class Measured:
    """A tensor of the int8 file against its reference, over all images.

    `sqnr_db` is None where the two are equal. `lowest` and `highest` are the reference's. The shares are of the
    tensor's values: at the least and the greatest number of its dtype, and those whose reference lies outside what
    the tensor can represent; None for a float tensor.
    """

    sqnr_db: float | None
    lowest: float
    highest: float
    at_least: float | None
    at_greatest: float | None
    clipped: float | None


def sqnr(signal: float, noise: float) -> float | None:
    """Signal to quantization noise in dB, 10 log10(signal / noise), both sums of squares; None without any noise."""
    if noise == 0:
        return None
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


class Comparison:
    """The running sums for one tensor: `add` an image's values, then `result`."""

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
        """Count `values`, as the tensor holds them, against `reference` of as many float32 values."""
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

    def result(self) -> Measured:
        """What all images gave."""
        shares = (self._at_least, self._at_greatest, self._clipped)
        found = [count / self._count for count in shares] if self._integer else [None, None, None]
        return Measured(sqnr(self._signal, self._noise), self._lowest, self._highest, *found)


def measure(
    reference: bytes, quantized: bytes, pairs: Sequence[tuple[int, int]], inputs: Floats, backend: str
) -> list[Measured]:
    """Each of `pairs`, a tensor's number in `reference` and in `quantized`, over `inputs`, (N, ...) float32.

    `reference` is a float32 flatbuffer; `inputs` are as the model takes them. `backend` is a key of
    interpreters.BACKENDS.
    """
    first, second = _keeping_all(reference, backend), _keeping_all(quantized, backend)
    details = {item["index"]: item for item in second.get_tensor_details()}
    comparisons = [Comparison(details[theirs]) for _, theirs in pairs]
    for image in inputs:
        _run(first, image)
        _run(second, image)
        for (ours, theirs), comparison in zip(pairs, comparisons, strict=True):
            comparison.add(first.get_tensor(ours), second.get_tensor(theirs))
    return [comparison.result() for comparison in comparisons]


def answers(flatbuffer: bytes, inputs: Floats, backend: str) -> NDArray[np.int64]:
    """The class that the model gives for each of `inputs`, (N, ...) float32 as the model takes them: (N,) int64."""
    interpreter: Any
    interpreter, _ = interpreters.build(flatbuffer, backend)
    output = interpreter.get_output_details()[0]["index"]
    found = np.empty(len(inputs), np.int64)
    for index, image in enumerate(inputs):
        _run(interpreter, image)
        found[index] = interpreter.get_tensor(output).argmax()
    return found


def _run(interpreter: Any, image: Floats) -> None:
    """One invoke on `image`, rounded to the input tensor's own scale as the converter's QUANTIZE rounds."""
    details = interpreter.get_input_details()[0]
    values: NDArray[Any] = image
    if np.issubdtype(details["dtype"], np.integer):
        scale, zero_point = details["quantization"]
        limits = np.iinfo(details["dtype"])
        values = np.clip(np.rint(image / np.float32(scale)) + zero_point, limits.min, limits.max)
    interpreter.set_tensor(details["index"], values.astype(details["dtype"]).reshape(details["shape"]))
    interpreter.invoke()


def _keeping_all(flatbuffer: bytes, backend: str) -> Any:
    module = importlib.import_module(f"{interpreters.BACKENDS[backend][1]}.interpreter")
    interpreter = module.Interpreter(model_content=flatbuffer, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    return interpreter


@click.command("fmnist_export.explain_tensors", cls=Command)
@click.argument("folder", type=FILE)
@click.option("--tensor-images", type=int, default=500, show_default=True, help="Images for the tensors.")
@click.option("--backend", default="auto", show_default=True)
def main(folder: Path, tensor_images: int, backend: str) -> None:
    """Measure the tensors of quantized.tflite in FOLDER, and save the answers of every variant-*.tflite there."""
    inputs = np.load(folder / INPUTS)
    quantized = (folder / QUANTIZED).read_bytes()
    _, runtime = interpreters.build(quantized, backend)
    measured = measure(
        (folder / REFERENCE).read_bytes(),
        quantized,
        json.loads((folder / PAIRS).read_text()),
        inputs[:tensor_images],
        runtime.name,
    )
    models = [quantized, *(path.read_bytes() for path in sorted(folder.glob(VARIANTS)))]
    np.save(folder / ANSWERS, np.stack([answers(model, inputs, runtime.name) for model in models]))
    tensors = [asdict(item) for item in measured]
    say_json({"runtime": runtime.name, "version": runtime.version, "tensors": tensors})


if __name__ == "__main__":
    main()
