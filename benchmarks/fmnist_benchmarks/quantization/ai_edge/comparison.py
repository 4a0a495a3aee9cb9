"""The int8 files of both tools on a runtime: agreement with Keras, accuracy, ties, latency of a bare invoke.

fmnist_export.prove runs the files, in processes without tensorflow. fmnist-benchmark measures the latencies, all files
of a model in turns.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks.measure.intervals import Interval, median_interval
from fmnist_benchmarks.quantization.ai_edge import recipes
from fmnist_benchmarks.quantization.ai_edge.export_folder import INT8, Export
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import ExportError, FmnistError, ModelFileError
from fmnist_runtime.model import model_file

if TYPE_CHECKING:
    from fmnist_export.prove.environments import Environment

OURS = "fmnist-edge"


@dataclass(frozen=True)
class QuantizedFile:
    """A quantized model: `bytes` counts the flatbuffer alone; the file at `path` also states the range of pixels.

    `path` is None where the recipe failed, and `error` is the message.
    """

    tool: str
    recipe: str
    path: Path | None
    bytes: int | None
    error: str | None = None


@dataclass(frozen=True)
class Evaluation:
    """The result of a file on all test images on one runtime; `error` is the message where it does not run.

    `invoke_us` is the p50 of a bare invoke in microseconds, with its 95 % interval. `times_int8` is the ratio of that
    p50 to the p50 of fmnist-edge's int8 file, over the rounds of one measurement. Both are None without a measurement.
    """

    runtime: str
    version: str
    agreement: float | None = None
    accuracy: float | None = None
    ties: int | None = None
    error: str | None = None
    invoke_us: Interval | None = None
    times_int8: Interval | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields by name; an interval has its own fields."""
        intervals = {"invoke_us": self.invoke_us, "times_int8": self.times_int8}
        return {**asdict(self), **{name: one and one._asdict() for name, one in intervals.items()}}


def quantize(export: Export, inputs: NDArray[np.float32], folder: Path) -> list[QuantizedFile]:
    """The int8 files of fmnist-export, then those of ai-edge-quantizer, which a child process makes; all in `folder`.

    `inputs`, (N, ...) float32, are the calibration images as the model takes them.
    """
    files = []
    for precision in INT8:
        name, content = f"{OURS}-{precision}", export.files[precision].flatbuffer
        files.append(_file(OURS, precision, name, content, export, folder))
    flatbuffers = folder / "flatbuffers"
    flatbuffers.mkdir()
    errors = _run_recipes(export, inputs, flatbuffers)
    for recipe in recipes.RECIPES:
        if recipe.name in errors:
            files.append(QuantizedFile(recipes.PACKAGE, recipe.title, path=None, bytes=None, error=errors[recipe.name]))
            continue
        name, content = f"{recipes.PACKAGE}-{recipe.name}", (flatbuffers / f"{recipe.name}.tflite").read_bytes()
        files.append(_file(recipes.PACKAGE, recipe.title, name, content, export, folder))
    return files


def evaluate(file: QuantizedFile, export: Export, test: Split, environment: "Environment") -> Evaluation:
    """The agreement of `file` with Keras, its accuracy and its ties on the `test` images, in `environment`."""
    from fmnist_export.prove import proof
    from fmnist_runtime.device.verification import count_ties

    target = environment.target
    if file.path is None:
        return Evaluation(target.runtime, target.version, error=file.error)
    try:
        outputs = proof.run(file.path, test.images, environment)
    except ExportError as error:
        return Evaluation(target.runtime, target.version, error=str(error))
    return Evaluation(
        runtime=outputs.runtime,
        version=outputs.version,
        agreement=float(np.mean(outputs.classes == export.keras_answers)),
        accuracy=float(np.mean(outputs.classes == test.labels)),
        ties=count_ties(outputs.values),
    )


def measure_latencies(
    evaluations: Mapping[QuantizedFile, Evaluation], golden: Path, counts: Sequence[str]
) -> tuple[dict[QuantizedFile, Evaluation], dict[str, Any]]:
    """`evaluations`, all on one runtime, with latencies for the files that run; and the conditions, for JSON.

    `golden` are the images, `counts` the options --runs and --processes of fmnist-benchmark. Raises FmnistError where
    it fails.
    """
    running = [file for file, evaluation in evaluations.items() if file.path and evaluation.error is None]
    [runtime] = {evaluation.runtime for evaluation in evaluations.values()}
    paths = [str(file.path) for file in running]
    document = _benchmark([*paths, "--backend", runtime, "--golden", str(golden), *counts])
    results = dict(zip(running, document["results"], strict=True))
    baseline = next(result for file, result in results.items() if (file.tool, file.recipe) == (OURS, INT8[0]))
    timed = {
        file: replace(evaluations[file], invoke_us=_invoke(result), times_int8=latency_ratio(result, baseline))
        for file, result in results.items()
    }
    facts = {name: document["machine"][name] for name in ("other_cores", "before", "after")}
    return {**evaluations, **timed}, {"runtime": runtime, **facts, "warnings": document["warnings"]}


def latency_ratio(result: Mapping[str, Any], baseline: Mapping[str, Any]) -> Interval:
    """The ratio of two results of fmnist-benchmark: of their invoke p50 in each round, median and 95 % interval."""
    pairs = zip(result["processes"]["invoke_us.p50"], baseline["processes"]["invoke_us.p50"], strict=True)
    return median_interval([one / other for one, other in pairs])


def _file(tool: str, recipe: str, name: str, flatbuffer: bytes, export: Export, folder: Path) -> QuantizedFile:
    """Write `flatbuffer` to NAME.tflite in `folder`, with what a Classifier must know: classes and range of pixels."""
    try:
        description = model_file.describe(
            flatbuffer, export.classes, input={"range": list(export.pixel_range)}, proofs=[]
        )
    except ModelFileError as error:
        return QuantizedFile(tool, recipe, path=None, bytes=len(flatbuffer), error=str(error))
    path = folder / f"{name}.tflite"
    path.write_bytes(model_file.pack(flatbuffer, export.classes, description))
    return QuantizedFile(tool, recipe, path, len(flatbuffer))


def _run_recipes(export: Export, inputs: NDArray[np.float32], folder: Path) -> dict[str, str]:
    """Run all recipes of ai-edge-quantizer into `folder`. Returns the messages of those that failed, by name."""
    file = folder / "inputs.npy"
    np.save(file, inputs)
    _run(recipes.__name__, str(export.float32.path), str(file), str(folder))
    file.unlink()
    errors: dict[str, str] = json.loads((folder / recipes.ERRORS).read_text())
    return errors


def _benchmark(words: Sequence[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_run("fmnist_benchmarks.command", *words, "--json"))
    return document


def _run(module: str, *words: str) -> str:
    """Standard output of `module` in a child process. Raises FmnistError with the last line of its errors."""
    child = subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True, check=False)
    if child.returncode != 0:
        lines = child.stderr.strip().splitlines() or ["no message"]
        raise FmnistError(f"{module} ended with {child.returncode}: {lines[-1]}")
    return child.stdout


def _invoke(result: Mapping[str, Any]) -> Interval:
    figures = result["invoke_us"]
    return Interval(low=figures["p50_low"], middle=figures["p50"], high=figures["p50_high"])
