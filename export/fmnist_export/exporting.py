"""One Keras file in, proved model files out: convert, describe, prove, and only then publish."""

import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fmnist_runtime
from fmnist_export import convert, keras_model
from fmnist_export.calibrate import Calibration
from fmnist_export.proof import Proof, prove
from fmnist_runtime import graph, modelfile
from fmnist_runtime.errors import ExportError
from fmnist_runtime.files import make_folder, sha256, write_atomically
from fmnist_runtime.labels import CLASS_NAMES
from fmnist_runtime.pixels import CONVENTION
from fmnist_train.data import FashionMnist, to_float

# The least share of test images on which a file must answer as Keras does, by precision.
MINIMUM_AGREEMENT = {
    "float32": 1.0,
    "float16": 0.999,
    "dynamic": 0.99,
    "int8": 0.99,
    "int8-strict": 0.98,
    "int16x8": 0.99,
}


@dataclass(frozen=True)
class Exported:
    """A published model file and its proofs."""

    path: Path
    precision: str
    bytes: int
    sha256: str
    proofs: tuple[Proof, ...]

    def as_json(self) -> dict[str, Any]:
        """The keys of `fmnist-export --json`, as docs and other programs know them."""
        return {
            "path": str(self.path),
            "precision": self.precision,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "proofs": [proof.as_json() for proof in self.proofs],
        }


def export(
    source: Path,
    folder: Path,
    dataset: FashionMnist,
    *,
    precisions: tuple[str, ...] = ("float32",),
    minimum_agreement: float | None = None,
    backend: str = "auto",
    say: Callable[[str], None] = lambda _: None,
) -> list[Exported]:
    """Convert the .keras file `source` to each of `precisions`, prove every file, and publish them all to `folder`.

    A file is published only when all agree with Keras on at least `minimum_agreement` of the test images (by default
    MINIMUM_AGREEMENT); else ExportError, and `folder` is as it was. `say` gets a line for each step.
    """
    make_folder(folder)
    keras_model.import_tensorflow()
    say(f"loading {source}")
    model = keras_model.load(source)
    expected = keras_model.probabilities(model, to_float(dataset.test.images))
    facts = {"keras_sha256": sha256(source.read_bytes()), "versions": _versions()}
    finished = []
    for precision in precisions:
        say(f"converting to {precision}")
        content, description = _describe(model, precision, dataset, facts)
        say(f"proving {precision} on {len(dataset.test.images):,} test images")
        with _temporary(modelfile.pack(content, CLASS_NAMES, description), f"{source.stem}-{precision}") as candidate:
            proof = prove(candidate, dataset.test, expected, backend)
        _require(proof, precision, minimum_agreement)
        whole = modelfile.pack(content, CLASS_NAMES, {**description, "proofs": [_recorded(proof)]})
        finished.append((folder / f"{source.stem}-{precision}.tflite", precision, whole, proof))
    return [_publish(path, precision, whole, proof) for path, precision, whole, proof in finished]


def _describe(model: Any, precision: str, dataset: FashionMnist, facts: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """The flatbuffer of `precision` and its description, without proofs yet."""
    calibration = Calibration()
    content = convert.convert(model, precision, to_float(calibration.images(dataset.train)))
    shape = graph.read(content)
    source, result = shape.tensors[shape.inputs[0]], shape.tensors[shape.outputs[0]]
    description = modelfile.describe(
        content,
        CLASS_NAMES,
        precision=precision,
        input={**_tensor(source), "pixels": CONVENTION, "range": [0.0, 1.0]},
        output={**_tensor(result), "kind": "probabilities" if shape.ends_in_softmax else "logits"},
        calibration=calibration.as_json() if "int" in precision else None,
        proofs=[],
        **facts,
    )
    return content, description


def _tensor(tensor: graph.Tensor) -> dict[str, Any]:
    return {
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "scale": tensor.scales[0] if tensor.scales else None,
        "zero_point": tensor.zero_points[0] if tensor.zero_points else None,
    }


def _versions() -> dict[str, str]:
    import keras
    import tensorflow

    return {
        "fmnist-edge": fmnist_runtime.__version__,
        "python": platform.python_version(),
        "tensorflow": tensorflow.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


def _recorded(proof: Proof) -> dict[str, Any]:
    """A proof as it stands in the model file: the numbers without the list of images."""
    return {name: value for name, value in proof.as_json().items() if name != "disagreements"}


def _require(proof: Proof, precision: str, minimum: float | None) -> None:
    least = MINIMUM_AGREEMENT[precision] if minimum is None else minimum
    if proof.agreement < least:
        raise ExportError(
            f"{precision} on {proof.runtime} {proof.version} agrees with Keras on {proof.agreement:.4f} of "
            f"{proof.images:,} images, expected at least {least:.4f}; nothing was published "
            f"(--min-agreement sets the limit)"
        )


def _publish(path: Path, precision: str, content: bytes, proof: Proof) -> Exported:
    modelfile.parse(content, path)
    write_atomically(path, content)
    return Exported(path, precision, len(content), sha256(content), (proof,))


@contextmanager
def _temporary(content: bytes, stem: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fmnist-export-") as folder:
        path = Path(folder, f"{stem}.tflite")
        path.write_bytes(content)
        yield path
