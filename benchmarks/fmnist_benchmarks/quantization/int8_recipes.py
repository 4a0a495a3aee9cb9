"""What each recipe to quantize to int8 gives on one Keras model: the table of docs/int8.md.

    python -m fmnist_benchmarks.quantization.int8_recipes MODEL.keras [--rounds N] [--json]

The file of each recipe is run on every current target by the device's own code. Recipes are compared on training images
that were held out; the results on the test set are shown too but decide nothing. A latency is that of one image through
the Classifier: the least mean of some rounds over 10,000 images in fresh processes, recipe after recipe in each round,
as a ratio to the plain recipe.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.output.markdown import table
from fmnist_runtime.commandline import FILE, Command, print_json, warn

if TYPE_CHECKING:
    import keras

    from fmnist_export.prove.environments import Environment

HELD_OUT = 4000
# Model inputs to calibrate on, (N, height, width) or with channels.
Inputs = NDArray[np.float32]
Recipe = Callable[["keras.Model", Inputs], bytes]


@dataclass(frozen=True)
class Result:
    """A recipe's file and its answers: shares from 0 to 1; `seconds` is the least mean time of an image by target."""

    recipe: str
    bytes: int
    held_out_agreement: float
    test_agreement: float
    test_accuracy: float
    keras_accuracy: float
    ties: int
    seconds: dict[str, float]


def recipes() -> dict[str, Recipe]:
    """The recipes by name; the first is the plain one, the last that of `fmnist-export --quantize`."""
    from fmnist_export.convert import converter, hybrid, last_layer
    from fmnist_export.prepare import compensation, equalization, fixed_batch, layers

    def prepared(model: "keras.Model", calibration: Inputs, *, equalize: bool, compensate: bool) -> "keras.Model":
        copy = fixed_batch.float32_copy(model, calibration)
        hidden = [layer for layer in copy.layers if hasattr(layer, "kernel") and not layers.is_last(layer, copy)]
        for layer in hidden:
            if equalize:
                equalization.equalize(layer, copy, calibration)
            if compensate:
                compensation.compensate_layer(layer, layers.layer_inputs(layer, copy, calibration))
        return copy

    def plain(model: "keras.Model", calibration: Inputs) -> bytes:
        return converter.convert(model, "int8-strict", calibration).content

    def few_images(model: "keras.Model", calibration: Inputs) -> bytes:
        return converter.convert(model, "int8-strict", calibration[:100]).content

    def strict_prepared(model: "keras.Model", calibration: Inputs) -> bytes:
        return plain(prepared(model, calibration, equalize=True, compensate=True), calibration)

    def last_in_float(equalize: bool, compensate: bool) -> Recipe:
        def recipe(model: "keras.Model", calibration: Inputs) -> bytes:
            changed = prepared(model, calibration, equalize=equalize, compensate=compensate)
            return last_layer.with_float_last_layer(changed, calibration).content

        return recipe

    def hybrid_last(model: "keras.Model", calibration: Inputs) -> bytes:
        both = prepared(model, calibration, equalize=True, compensate=True)
        converted = last_layer.with_float_last_layer(both, calibration)
        return hybrid.with_int8_weights(converted.content, converted.tensor)

    def by_name(precision: str) -> Recipe:
        return lambda model, calibration: converter.convert(model, precision, calibration).content

    return {
        "int8 throughout (plain, int8-strict)": plain,
        "int8 throughout, 100 calibration images": few_images,
        "int8 throughout, weights prepared": strict_prepared,
        "dynamic range": by_name("dynamic"),
        "int16 activations, int8 weights": by_name("int16x8"),
        "last layer in float32": last_in_float(equalize=False, compensate=False),
        "last layer in float32, hidden units equalized": last_in_float(equalize=True, compensate=False),
        "last layer in float32, rounding compensated": last_in_float(equalize=False, compensate=True),
        "last layer hybrid, both": hybrid_last,
        "last layer in float32, both (int8)": by_name("int8"),
    }


def measure(path: Path, rounds: int) -> list[Result]:
    """Convert the Keras model in `path` by every recipe and run the files on every current target."""
    from fmnist_export.convert.calibration_sample import CalibrationSample
    from fmnist_export.convert.quiet_output import quiet_output
    from fmnist_export.prove import environments, targets
    from fmnist_export.source import data_sets, loaded_model, reference_answers
    from fmnist_runtime.data.dataset import hold_out

    dataset = data_sets.load()
    loaded = loaded_model.load(path, dataset, loaded_model.NOTHING_STATED, warn)
    answers = reference_answers.compute(loaded, dataset, loaded_model.NOTHING_STATED, warn)
    training, held_out = hold_out(dataset.train, HELD_OUT)
    calibration = loaded.inputs(CalibrationSample().images(training))
    found = [environments.install(target, warn) for target in targets.select(["all"])]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for number, (name, recipe) in enumerate(recipes().items()):
            warn(f"converting: {name}")
            with quiet_output():
                content = recipe(loaded.model, calibration)
            files[name] = Path(folder, f"{number}.tflite")
            files[name].write_bytes(_packed(content, loaded))
            results.append(_answers(name, files[name], loaded, held_out, answers, found[0]))
        for turn in range(rounds):
            warn(f"latency, round {turn + 1} of {rounds}")
            for result in results:
                _time(result, files[result.recipe], dataset.test.images, found)
    return results


def _packed(content: bytes, loaded: Any) -> bytes:
    """The flatbuffer as a model file, with what the Classifier needs to know."""
    from fmnist_runtime.model import model_file

    scale = {"range": list(loaded.pixels[:2])}
    return model_file.pack(
        content, loaded.class_names, model_file.describe(content, loaded.class_names, input=scale, proofs=[])
    )


def _answers(name: str, path: Path, loaded: Any, held_out: Any, test: Any, environment: "Environment") -> Result:
    from fmnist_export.prove import proof
    from fmnist_keras import inference

    expected = inference.predict(loaded.model, loaded.inputs(held_out.images))
    on_held_out = proof.compare(proof.run(path, held_out.images, environment), expected, held_out.labels)
    on_test = proof.compare(proof.run(path, test.images, environment), test.probabilities, test.labels)
    return Result(
        recipe=name,
        bytes=path.stat().st_size,
        held_out_agreement=on_held_out.agreement,
        test_agreement=on_test.agreement,
        test_accuracy=on_test.accuracy or 0,
        keras_accuracy=on_test.keras_accuracy or 0,
        ties=on_test.ties,
        seconds={},
    )


def _time(result: Result, path: Path, images: NDArray[np.uint8], found: "list[Environment]") -> None:
    from fmnist_export.prove import proof

    for environment in found:
        seconds = proof.run(path, images, environment).seconds / len(images)
        name = environment.target.name
        result.seconds[name] = min(seconds, result.seconds.get(name, seconds))


def markdown(results: list[Result]) -> str:
    """The results as a Markdown table, latencies relative to the first recipe."""
    plain = results[0]
    names = list(plain.seconds)
    head = ["recipe", "bytes", "agreement, held out", "agreement, test", "accuracy", "ties", *names]
    rows = [
        (
            result.recipe,
            f"{result.bytes:,} ({result.bytes / plain.bytes - 1:+.1%})",
            f"{result.held_out_agreement:.4f}",
            f"{result.test_agreement:.4f}",
            f"{result.test_accuracy:.4f} (Keras {result.keras_accuracy:.4f})",
            str(result.ties),
            *(f"{result.seconds[name] / plain.seconds[name]:.2f}" for name in names),
        )
        for result in results
    ]
    return table(head, rows)


@click.command("fmnist_benchmarks.quantization.int8_recipes", cls=Command)
@click.argument("model", type=FILE, metavar="MODEL.keras")
@click.option(
    "--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Rounds of latency measurements."
)
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on standard output.")
def main(model: Path, rounds: int, as_json: bool) -> None:
    """Compare recipes to quantize MODEL.keras to int8: bytes, agreement with Keras, ties and latency."""
    results = measure(model, rounds)
    if as_json:
        print_json([result.__dict__ for result in results], indent=1)
    else:
        click.echo(markdown(results), nl=False)


if __name__ == "__main__":
    main()
