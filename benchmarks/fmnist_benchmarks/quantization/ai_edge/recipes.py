"""The recipes of ai-edge-quantizer that are compared, and the process that runs them: it imports no tensorflow.

    python -m fmnist_benchmarks.quantization.ai_edge.recipes FLOAT32.tflite INPUTS.npy FOLDER

INPUTS.npy holds the calibration images as the model takes them, (N, ...) float32. Writes FOLDER/NAME.tflite for each
recipe, and FOLDER/errors.json: the message for each recipe that failed, by name. The package prints its progress on
standard output, so no result is printed there.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.commandline import FILE, Command
from fmnist_runtime.flatbuffer import graph
from fmnist_runtime.model import model_file

PACKAGE = "ai-edge-quantizer"
ERRORS = "errors.json"
_MIN_MAX = "min_max_uniform_quantize"
_LAYERS = {"FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D"}
Steps = list[dict[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """`function` of ai_edge_quantizer.recipe with one of the package's algorithms for weights.

    By default the package calibrates a range as the moving average of each image's minimum and maximum. With
    `has_full_ranges` it takes the minimum and maximum over all images (its min_max_update), as TensorFlow's converter
    does. With `has_float_last_layer` the last layer and what follows it stay in float32.
    """

    name: str
    title: str
    function: str
    algorithm: str = _MIN_MAX
    has_full_ranges: bool = False
    has_float_last_layer: bool = False


RECIPES = (
    Recipe("static", "static_wi8_ai8", "static_wi8_ai8"),
    Recipe("static-gptq", "static_wi8_ai8, GPTQ", "static_wi8_ai8", algorithm="GPTQ"),
    Recipe("static-full-ranges", "static_wi8_ai8, full ranges", "static_wi8_ai8", has_full_ranges=True),
    Recipe(
        "static-last-layer",
        "static_wi8_ai8, full ranges, last layer in float32",
        "static_wi8_ai8",
        has_full_ranges=True,
        has_float_last_layer=True,
    ),
    Recipe("static-int16", "static_wi8_ai16", "static_wi8_ai16"),
    Recipe("dynamic", "dynamic_wi8_afp32", "dynamic_wi8_afp32"),
    Recipe("weight-only", "weight_only_wi8_afp32", "weight_only_wi8_afp32"),
)


def quantize(flatbuffer: bytes, recipe: Recipe, inputs: NDArray[np.float32]) -> bytes:
    """The float32 model `flatbuffer`, quantized by `recipe`; `inputs`, (N, ...) float32, calibrate a static recipe.

    Raises whatever the package raises: mostly ValueError and RuntimeError.
    """
    from ai_edge_quantizer import quantizer

    steps = _steps(recipe, flatbuffer)
    quantizing = quantizer.Quantizer(flatbuffer, steps)
    ranges = _ranges(quantizing, recipe, steps, flatbuffer, inputs) if quantizing.need_calibration else None
    return bytes(quantizing.quantize(ranges, enable_progress_report=False).quantized_model)


def _steps(recipe: Recipe, flatbuffer: bytes) -> Steps:
    """The recipe as the package takes it: a list of settings by operator and output tensor."""
    from ai_edge_quantizer import recipe as functions
    from ai_edge_quantizer import recipe_manager
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import TFLOperationName

    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(getattr(functions, recipe.function)(algorithm_key=AlgorithmName(recipe.algorithm)))
    if recipe.has_float_last_layer:
        for name in _last_outputs(flatbuffer):
            # The package matches an operator by the names of its outputs, each with a semicolon behind it.
            manager.add_quantization_config(
                f"^{re.escape(name)};$", TFLOperationName.ALL_SUPPORTED, None, AlgorithmName.NO_QUANTIZE
            )
        manager.add_quantization_config(".*", TFLOperationName.OUTPUT, None, AlgorithmName.NO_QUANTIZE)
    steps: Steps = manager.get_quantization_recipe()
    return steps


def _last_outputs(flatbuffer: bytes) -> list[str]:
    """The names of what the last layer and the operators behind it compute."""
    model = graph.read(flatbuffer)
    last = max(number for number, operator in enumerate(model.operators) if operator.name in _LAYERS)
    return [model.tensors[output].name for operator in model.operators[last:] for output in operator.outputs]


def _ranges(
    quantizing: Any, recipe: Recipe, steps: Steps, flatbuffer: bytes, inputs: NDArray[np.float32]
) -> dict[str, Any]:
    """What the package measures on `inputs`: the range of each tensor by name."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import calibrator, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    [(signature, names)] = Interpreter(model_content=flatbuffer).get_signature_list().items()
    images = {signature: [{names["inputs"][0]: image[np.newaxis]} for image in inputs]}
    if not recipe.has_full_ranges:
        ranges: dict[str, Any] = quantizing.calibrate(images, num_threads=1)
        return ranges
    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(steps)
    calibrating = calibrator.Calibrator(flatbuffer, num_threads=1, qsv_update_func=qsv_utils.min_max_update)
    calibrating.calibrate(images, manager)
    full: dict[str, Any] = calibrating.get_model_qsvs()
    return full


def write_all(flatbuffer: bytes, inputs: NDArray[np.float32], folder: Path) -> dict[str, str]:
    """Write NAME.tflite to `folder` for each recipe. Returns the messages of the recipes that failed, by name."""
    errors = {}
    for recipe in RECIPES:
        try:
            content = quantize(flatbuffer, recipe, inputs)
        except Exception as error:  # the package raises ValueError, RuntimeError, AttributeError and more
            errors[recipe.name] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        (folder / f"{recipe.name}.tflite").write_bytes(content)
    return errors


@click.command("fmnist_benchmarks.quantization.ai_edge.recipes", cls=Command)
@click.argument("model", type=FILE, metavar="FLOAT32.tflite")
@click.argument("inputs", type=FILE, metavar="INPUTS.npy")
@click.argument("folder", type=FILE)
def main(model: Path, inputs: Path, folder: Path) -> None:
    """Quantize FLOAT32.tflite by every recipe into FOLDER."""
    errors = write_all(model_file.read(model).flatbuffer, np.load(inputs), folder)
    (folder / ERRORS).write_text(json.dumps(errors))


if __name__ == "__main__":
    main()
