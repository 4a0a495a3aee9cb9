"""Where an int8 file loses what Keras answers: each layer's quantization error, and what it costs in agreement.

Error. The int8 file and its float32 reference run on the same training images, with each layer in turn for output, and
what they hold is compared: signal to quantization noise ratio (SQNR), 10 log10(sum of squares of the reference / sum
of squares of the difference), so 6 dB are one bit. It holds the error of all layers up to there. The ratio of the
weights is that layer's own.

Reference. The recipe of `int8` scales hidden units (rounding.equalize), so its tensors are not the float32 file's:
the reference is the original model with the same scaling and no rounding, which answers as the original does.

Cost. Layer after layer goes from float32 to int8, in the order of execution, and the answers on held-out training
images are counted with the device's interpreter after each, on files that the converter made: a layer's cost is the
agreement with Keras that is lost at its turn. So the costs add up to what the whole file loses, and an activation's
rounding counts for the layer that computes it and not for those that read it (which a file with one layer in int8, or
with one in float32, cannot tell apart: both round between the two layers).

Share. Costs alone blame the first layers, as the first noise flips the most answers and the same noise after it fewer:
the share of flipped answers goes with the standard deviation of the noise, and it is variances that add. So a layer's
share of the loss goes with what it adds to the square of the disagreement, and the costliest has the greatest.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_export.convert.calibration import Calibration
from fmnist_export.explain import tensors
from fmnist_export.explain import variants as explain_variants
from fmnist_export.explain.names import layer_names
from fmnist_export.explain.result import Explanation, Layer, costs
from fmnist_export.explain.tensors import sqnr
from fmnist_export.explain.variants import is_float, layers, weights
from fmnist_keras import inference
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import ExportError
from fmnist_runtime.flatbuffer import graph

if TYPE_CHECKING:
    import keras

_CHILD_SECONDS = 600
_HELD_OUT_SEED = 1


def held_out(training: Split, calibration: Calibration, count: int = 4000) -> NDArray[np.uint8]:
    """`count` images of `training` that `calibration` does not draw, (count, 28, 28) uint8, always the same ones.

    Raises ExportError where it draws all of them.
    """
    free = np.setdiff1d(np.arange(len(training.images)), calibration.indices(training))
    if not len(free):
        raise ExportError(
            f"--explain needs training images beside the {calibration.count:,} that calibrate the file, and there are "
            f"no more; leave it out, or give more images with --data"
        )
    chosen = np.random.default_rng(_HELD_OUT_SEED).choice(free, min(count, len(free)), replace=False)
    images: NDArray[np.uint8] = training.images[np.sort(chosen)]
    return images


def explain(
    model: "keras.Model",
    precision: str,
    content: bytes,
    calibration: NDArray[np.float32],
    images: NDArray[np.float32],
    *,
    tensor_images: int = 500,
    backend: str = "auto",
) -> Explanation:
    """What each layer of `content`, the flatbuffer that convert(model, precision, calibration) gave, loses.

    `precision` is int8 or int8-strict. `images` is (N, ...) float32 as the model takes them: training images that are
    not among `calibration`. The tensors are measured on the first `tensor_images`, the answers counted on all.
    Raises ExportError for another precision, or where the layers cannot be told apart.
    """
    if precision not in explain_variants.PRECISIONS:
        raise ExportError(f"{precision} cannot be explained, expected {' or '.join(explain_variants.PRECISIONS)}")
    calibrated = explain_variants.calibrated(model, precision, calibration)
    explain_variants.same_layers(calibrated.reference, content)
    theirs = graph.read(content)
    whole = layers(theirs)
    floating = {number for number, operator in enumerate(whole) if is_float(operator, theirs)}
    turns = sorted(calibrated.separable - floating)
    # All in float32 at first; a layer without a turn goes with the one in front of it.
    behind = [range(len(whole)), *(range(number, len(whole)) for number in [*turns[1:], len(whole)] if turns)]
    in_turn = [calibrated.variant(floating | set(in_float)) for in_float in behind]
    found, answers = _in_child(calibrated.reference, content, in_turn, images, tensor_images, backend)
    expected = inference.predict(model, images).argmax(axis=1)
    agreement, *steps = (answers == expected).mean(axis=1).tolist()
    if hybrid := [number for number in floating if _is_hybrid(whole[number], theirs)]:
        # The last layer in float32 with int8 weights (hybrid.py), which no version has and the file does.
        turns, steps = [*turns, hybrid[-1]], [*steps, agreement]
    return Explanation(
        precision=precision,
        runtime=found["runtime"],
        version=found["version"],
        images=len(images),
        tensor_images=min(tensor_images, len(images)),
        agreement=agreement,
        float_agreement=steps[0],
        layers=tuple(
            _layers(model, calibrated.reference, content, found["tensors"], dict(zip(turns, costs(steps), strict=True)))
        ),
    )


def _is_hybrid(operator: graph.Operator, model: graph.Graph) -> bool:
    return operator.name in explain_variants.WEIGHTED and model.tensors[operator.inputs[1]].dtype == "int8"


def _layers(
    model: "keras.Model",
    reference: bytes,
    content: bytes,
    measured: Sequence[dict[str, Any]],
    costed: dict[int, tuple[float, float]],
) -> Iterator[Layer]:
    ours, theirs = graph.read(reference), graph.read(content)
    names = layer_names(model, ours)
    for number, (before, after) in enumerate(zip(layers(ours), layers(theirs), strict=True)):
        tensor = theirs.tensors[after.outputs[0]]
        item = measured[number]
        scale, zero_point = (tensor.scales[0], tensor.zero_points[0]) if tensor.scales else (None, None)
        cost, share = costed.get(number, (None, None))
        kernel = theirs.tensors[after.inputs[1]] if after.name in explain_variants.WEIGHTED else None
        scales = kernel.scales if kernel else ()
        yield Layer(
            name=names[number],
            operator=after.name,
            dtype=tensor.dtype,
            sqnr_db=item["sqnr_db"],
            weights_sqnr_db=_weights_sqnr(weights(reference, ours, before), weights(content, theirs, after)),
            weight_scales=(min(scales), max(scales)) if scales else None,
            lowest=item["lowest"],
            highest=item["highest"],
            representable=_representable(tensor),
            scale=scale,
            zero_point=zero_point,
            at_least=item["at_least"],
            at_greatest=item["at_greatest"],
            clipped=item["clipped"],
            cost=cost,
            share=share,
        )


def _weights_sqnr(before: NDArray[np.float32] | None, after: NDArray[np.float32] | None) -> float | None:
    if before is None or after is None:
        return None
    return sqnr(
        float(np.sum(np.square(before, dtype=np.float64))), float(np.sum((after - before).astype(np.float64) ** 2))
    )


def _representable(tensor: graph.Tensor) -> tuple[float, float] | None:
    if not tensor.scales:
        return None
    limits, (scale, *_), (zero_point, *_) = np.iinfo(tensor.dtype), tensor.scales, tensor.zero_points
    return (int(limits.min) - zero_point) * scale, (int(limits.max) - zero_point) * scale


def _in_child(
    reference: bytes,
    content: bytes,
    variants: Sequence[bytes],
    images: NDArray[np.float32],
    tensor_images: int,
    backend: str,
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """What explain_tensors prints, and the answers of `content` and each of `variants`, (1 + variants, N)."""
    outputs = [[operator.outputs[0] for operator in layers(graph.read(file))] for file in (reference, content)]
    with tempfile.TemporaryDirectory(prefix="fmnist-explain-") as name:
        folder = Path(name)
        np.save(folder / tensors.INPUTS, images)
        (folder / tensors.REFERENCE).write_bytes(reference)
        (folder / tensors.QUANTIZED).write_bytes(content)
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
        return json.loads(child.stdout.splitlines()[-1]), np.load(folder / tensors.ANSWERS)
