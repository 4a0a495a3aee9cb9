"""Where an int8 file loses agreement with Keras: the quantization error of each layer, and its cost in agreement.

Error. The int8 file and its float32 reference run on the same training images, with each layer's output tensor in turn,
and the values are compared by the signal to quantization noise ratio (SQNR): 10 log10(sum of squares of the reference /
sum of squares of the difference), so 6 dB are one bit. It contains the error of all layers up to this one. The ratio of
the weights is that of the layer alone.

Reference. The int8 conversion scales hidden units (convert/equalization.py), so its tensors differ from those of the
float32 file. The reference is the original model with the same scaling but without rounding; its answers are those of
the original.

Cost. Layer after layer is changed from float32 to int8, in the order of execution. After each step the device's
interpreter runs the held-out training images, on files that the converter made. A layer's cost is the agreement with
Keras that is lost at its step. So the costs add up to the loss of the whole file, and the rounding of an activation
counts for the layer that computes it and not for those that read it. (A file with one layer in int8, or with one in
float32, cannot separate the two: both round between two layers.)

Share. Costs alone would blame the first layers: the first noise changes the most answers, and the same noise after it
changes fewer. The share of changed answers grows with the standard deviation of the noise, and variances add. So a
layer's share of the loss is what it adds to the square of the disagreement. The costliest layer has the largest share.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist_export.convert.calibration_sample import CalibrationSample
from fmnist_export.convert.converted_file import ConvertedFile
from fmnist_export.explain.layer_results import layer_results
from fmnist_export.explain.measurement import measure
from fmnist_export.explain.operators import check_same_layers, is_float, is_hybrid, layers
from fmnist_export.explain.result import Explanation, layer_costs
from fmnist_export.explain.variants import calibrate
from fmnist_export.source.loaded_model import LoadedModel
from fmnist_keras import inference
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import ExportError

if TYPE_CHECKING:
    import keras

PRECISIONS = ("int8", "int8-strict")
_HELD_OUT_SEED = 1


def explain_file(converted: ConvertedFile, loaded: LoadedModel, training: Split) -> Explanation:
    """Explain `converted`, a conversion of `loaded`, on images of `training` that did not calibrate it.

    Raises ExportError as `held_out_images` and `explain` do.
    """
    sample = converted.calibration
    return explain(
        converted,
        loaded.model,
        loaded.inputs(sample.images(training)),
        loaded.inputs(held_out_images(training, sample)),
    )


def held_out_images(training: Split, calibration: CalibrationSample, count: int = 4000) -> NDArray[np.uint8]:
    """`count` images of `training` that are not in `calibration`, (count, 28, 28) uint8, always the same ones.

    Raises ExportError where the calibration uses all of them.
    """
    free = np.setdiff1d(np.arange(len(training.images)), calibration.indices(training))
    if not len(free):
        raise ExportError(
            f"--explain needs training images beside the {calibration.count:,} that calibrate the file, and the data "
            f"set has no more; leave --explain out, or give a larger data set with --data"
        )
    indices = np.random.default_rng(_HELD_OUT_SEED).choice(free, min(count, len(free)), replace=False)
    images: NDArray[np.uint8] = training.images[np.sort(indices)]
    return images


def explain(
    converted: ConvertedFile,
    model: "keras.Model",
    calibration: NDArray[np.float32],
    images: NDArray[np.float32],
    *,
    tensor_images: int = 500,
    backend: str = "auto",
) -> Explanation:
    """Measure what each layer of `converted`, a conversion of `model` that was calibrated on `calibration`, loses.

    Its precision is int8 or int8-strict. `calibration` and `images` are (N, ...) float32 as the model takes them;
    `images` are training images that are not in `calibration`. The tensors are compared on the first `tensor_images`,
    the answers on all images. Raises ExportError for another precision, or where the layers do not match.
    """
    precision, file = converted.precision, converted.flatbuffer
    if precision not in PRECISIONS:
        raise ExportError(f"{precision} cannot be explained, expected {' or '.join(PRECISIONS)}")
    calibrated = calibrate(model, converted.prepared, calibration)
    check_same_layers(calibrated.reference.graph, file.graph)
    operators = layers(file.graph)
    floating = {number for number, operator in enumerate(operators) if is_float(operator, file.graph)}
    steps = sorted(calibrated.separable - floating)
    # First all layers in float32; a layer without a step of its own is changed with the one in front of it.
    in_float = [range(len(operators)), *(range(number, len(operators)) for number in steps[1:])]
    in_float += [range(0)] if steps else []
    variants = [calibrated.variant(floating | set(numbers)) for numbers in in_float]
    found = measure(calibrated.reference, file, variants, images, tensor_images=tensor_images, backend=backend)
    expected = inference.predict(model, images).argmax(axis=1)
    agreement, *agreements = (found.classes == expected).mean(axis=1).tolist()
    if hybrid := [number for number, operator in enumerate(operators) if is_hybrid(operator, file.graph)]:
        # The last layer in float32 with int8 weights (hybrid.py) is in the file and in none of the variants.
        steps, agreements = [*steps, hybrid[-1]], [*agreements, agreement]
    costs = dict(zip(steps, layer_costs(agreements), strict=True))
    return Explanation(
        precision=precision,
        runtime=found.runtime,
        version=found.version,
        images=len(images),
        tensor_images=min(tensor_images, len(images)),
        agreement=agreement,
        float_agreement=agreements[0],
        layers=tuple(layer_results(model, calibrated.reference, file, found.tensors, costs)),
    )
