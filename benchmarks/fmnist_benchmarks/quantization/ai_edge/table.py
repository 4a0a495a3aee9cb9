"""The document of the comparison as Markdown: a table for each model and runtime, and the conditions below them."""

from typing import Any

from fmnist_benchmarks.output.markdown import table
from fmnist_benchmarks.quantization.ai_edge.comparison import OURS
from fmnist_benchmarks.quantization.ai_edge.recipes import PACKAGE
from fmnist_runtime.inference.interpreters import BACKENDS

_NOTHING = "-"
_HEADER = ("recipe", "bytes", "agreement", "accuracy", "ties", "invoke p50 µs (95 %)", "times int8 (95 %)")
Result = dict[str, Any]


def markdown(document: Result) -> str:
    """All tables of `document`, as the command wrote it."""
    parts = [part for model in document["models"] for part in _model(model, document)]
    return "\n".join([*parts, _notes(document)])


def _model(model: Result, document: Result) -> list[str]:
    trained = f", `{model['training']}`" if model["training"] else ""
    intro = (
        f"**{model['name']}**{trained}: Keras is right on {model['keras_accuracy']:.4f} of the {document['images']:,} "
        f"test images, float32 has {model['float32_bytes']:,} bytes.\n"
    )
    runtimes = [(one["runtime"], one["version"]) for one in model["files"][0]["evaluations"]]
    return [intro, *(_runtime(model, number, *runtime) for number, runtime in enumerate(runtimes))]


def _runtime(model: Result, number: int, runtime: str, version: str) -> str:
    rows = [_row(file, file["evaluations"][number]) for file in model["files"]]
    return table((f"{model['name']} on {BACKENDS[runtime][0]} {version}", *_HEADER[1:]), rows)


def _row(file: Result, result: Result) -> tuple[str, ...]:
    name = f"{OURS} {file['recipe']}" if file["tool"] == OURS else file["recipe"]
    size = _NOTHING if file["bytes"] is None else f"{file['bytes']:,}"
    if result["error"] is not None:
        return (name, size, f"does not run: {_escaped(result['error'])}", *[_NOTHING] * 4)
    return (
        name,
        size,
        f"{result['agreement']:.4f}",
        f"{result['accuracy']:.4f}",
        str(result["ties"]),
        _interval(result["invoke_us"], 1),
        _interval(result["times_int8"], 2),
    )


def _interval(interval: Result | None, digits: int) -> str:
    if interval is None:
        return _NOTHING
    low, middle, high = (f"{interval[end]:,.{digits}f}" for end in ("low", "middle", "high"))
    return f"{middle} ({low} to {high})"


def _notes(document: Result) -> str:
    facts = document["machine"]
    calibration = document["models"][0]["calibration"]
    busy = [one["other_cores"] for model in document["models"] for one in model["conditions"]]
    known = [cores for cores in busy if cores is not None]
    others = (
        f" While the latencies were measured, other processes kept {min(known):.1f} to {max(known):.1f} of "
        f"{facts['cores']} cores busy."
        if known
        else ""
    )
    return (
        f"Measured with {PACKAGE} {document['versions'][PACKAGE]} on {facts['cpu']}, {facts['cores']} cores, Python "
        f"{facts['python']}. Both tools calibrate on the same {calibration['count']:,} training images.{others}\n\n"
        f"`{document['command']}`"
    )


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
