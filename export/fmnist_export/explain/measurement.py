"""Run explain/tensors.py in a process of its own, with the device's interpreter and without tensorflow."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.convert.flatbuffer import Flatbuffer
from fmnist_export.explain import tensors
from fmnist_export.explain.operators import layers
from fmnist_runtime.errors import ExportError

_CHILD_SECONDS = 600


@dataclass(frozen=True)
class Measurement:
    """What the device's interpreter computes: `tensors` has the fields of a TensorComparison for each layer.

    `classes`, (1 + variants, N), are those of the int8 file and then of each variant.
    """

    runtime: str
    version: str
    tensors: list[dict[str, Any]]
    classes: NDArray[np.int64]


def measure(
    reference: Flatbuffer,
    quantized: Flatbuffer,
    variants: Sequence[bytes],
    images: NDArray[np.float32],
    *,
    tensor_images: int,
    backend: str,
) -> Measurement:
    """Compare the layers of `quantized` with those of `reference` on the first `tensor_images` of `images`.

    Also runs `quantized` and each of `variants` on all `images`, (N, ...) float32 as the model takes them. Raises
    ExportError where a file does not run on `backend`.
    """
    outputs = [[operator.outputs[0] for operator in layers(file.graph)] for file in (reference, quantized)]
    with tempfile.TemporaryDirectory(prefix="fmnist-explain-") as name:
        folder = Path(name)
        np.save(folder / tensors.INPUTS, images)
        (folder / tensors.REFERENCE).write_bytes(reference.content)
        (folder / tensors.QUANTIZED).write_bytes(quantized.content)
        (folder / tensors.PAIRS).write_text(json.dumps(list(zip(*outputs, strict=True))))
        for number, variant in enumerate(variants):
            (folder / tensors.VARIANTS.replace("*", f"{number:04}")).write_bytes(variant)
        command = [sys.executable, "-m", tensors.__name__, str(folder), "--backend", backend]
        child = subprocess.run(
            [*command, "--tensor-images", str(tensor_images)],
            capture_output=True,
            text=True,
            timeout=_CHILD_SECONDS,
            check=False,
        )
        if child.returncode != 0:
            lines = child.stderr.strip().splitlines() or [f"it ended with exit code {child.returncode}"]
            raise ExportError(f"the layers cannot be measured on {backend}: {lines[-1]}")
        result = json.loads(child.stdout.splitlines()[-1])
        return Measurement(result["runtime"], result["version"], result["tensors"], np.load(folder / tensors.CLASSES))
