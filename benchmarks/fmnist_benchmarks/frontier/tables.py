"""The document of the frontier as Markdown: our models with their targets, then published results."""

from collections.abc import Sequence
from typing import Any

from fmnist_benchmarks.frontier.candidates import PRECISIONS, TARGETS
from fmnist_benchmarks.output.markdown import table
from fmnist_runtime.inference.interpreters import BACKENDS

# tflite-runtime first: the targets are for it.
_RUNTIMES = sorted(BACKENDS, reverse=True)
_NOTHING = "-"
Result = dict[str, Any]


def markdown(document: dict[str, Any]) -> str:
    """Both tables, and between them the notes on the numbers."""
    return f"{_ours(document)}{_notes(document)}\n{_published(document)}"


def _ours(document: dict[str, Any]) -> str:
    header = [
        "model",
        "parameters",
        *(f"{precision} bytes" for precision in PRECISIONS),
        "int8 accuracy",
        "Keras accuracy",
        "agreement",
        "ties",
        *(f"{precision} µs, {BACKENDS[runtime][0]}" for precision in reversed(PRECISIONS) for runtime in _RUNTIMES),
        "target for int8",
        "met",
    ]
    models = {model["name"]: model for model in document["models"]}
    names = [*(name for name in TARGETS), *(name for name in models if name not in TARGETS)]
    return table(header, [_row(name, models.get(name), document["results"], len(header)) for name in names])


def _row(name: str, model: dict[str, Any] | None, results: Sequence[Result], columns: int) -> list[str]:
    if model is None:
        return [name, *[_NOTHING] * (columns - 3), _target(name), "not measured"]
    ours = {(one["precision"], one["runtime"]): one for one in results if one["name"] == name}
    int8 = [ours["int8", runtime] for runtime in _RUNTIMES if ("int8", runtime) in ours]
    sizes = {precision: one["bytes"] for (precision, _), one in ours.items()}
    return [
        name,
        f"{model['parameters']:,}",
        *(f"{sizes[precision]:,}" if precision in sizes else _NOTHING for precision in PRECISIONS),
        _by_runtime(int8, "accuracy", "{:.4f}"),
        _by_runtime(int8, "keras_accuracy", "{:.4f}"),
        _by_runtime(int8, "agreement", "{:.4f}"),
        _by_runtime(int8, "ties", "{}"),
        *(_latency(ours.get((precision, runtime))) for precision in reversed(PRECISIONS) for runtime in _RUNTIMES),
        _target(name),
        _met(model),
    ]


def _by_runtime(results: Sequence[Result], key: str, form: str) -> str:
    """The value on the first runtime, and the others' where they differ from it."""
    texts = [_NOTHING if one[key] is None else form.format(one[key]) for one in results]
    others = [
        f"{BACKENDS[one['runtime']][0]} {text}" for one, text in zip(results, texts, strict=True) if text != texts[0]
    ]
    return (texts[0] if texts else _NOTHING) + (f" ({', '.join(others)})" if others else "")


def _latency(result: Result | None) -> str:
    if result is None:
        return _NOTHING
    took = result["invoke_us"]
    return f"{took['p50']:.1f} ({took['p50_low']:.1f} to {took['p50_high']:.1f})"


def _target(name: str) -> str:
    target = TARGETS.get(name)
    if target is None:
        return _NOTHING
    size = "" if target.most_bytes is None else f"{target.most_bytes / 1000:.0f} KB, "
    return f"{size}{target.least_accuracy:.3f}"


def _met(model: dict[str, Any]) -> str:
    if model["target"] is None:
        return _NOTHING
    if model["missed"] is None:
        return "unknown: the int8 file was not run on tflite-runtime"
    return f"no: {', '.join(model['missed'])}" if model["missed"] else "yes"


def _notes(document: dict[str, Any]) -> str:
    versions = {one["runtime"]: one["version"] for one in document["results"]}
    runtimes = " and ".join(f"{BACKENDS[name][0]} {versions[name]}" for name in _RUNTIMES if name in versions)
    notes = [
        f"Measured here: accuracy and ties on all {document['images']:,} test images, and the p50 of the bare invoke "
        f"with its 95 % interval, one thread, on {runtimes}. From the proof in each file: Keras's accuracy and the "
        f"agreement with it. Parameters are weights and biases with batch norm folded into them. A target also "
        f"requires an accuracy of at most 0.2 points below Keras and an agreement of 0.995."
    ]
    other = [
        f"{one['name']} {one['precision']} on {one['runtime']}" for one in document["results"] if not one["as_proved"]
    ]
    if other:
        notes.append(f"Answers that differ from the file's recorded ones: {'; '.join(other)}.")
    notes += [f"Left out: {one['what']}: {one['reason']}." for one in document["left_out"]]
    if document["warnings"]:
        notes.append(f"Doubtful: {'; '.join(document['warnings'])}.")
    return "".join(f"\n{note}\n" for note in notes)


def _published(document: dict[str, Any]) -> str:
    header = ("published", "parameters", "bytes of float32 weights", "accuracy", "by")
    rows = [
        (
            one["name"].replace("<", "&lt;"),
            one["stated"],
            f"{one['bytes']:,}",
            f"{one['accuracy']:g}",
            f"[{one['by']}]({one['code']})",
        )
        for one in document["published"]
    ]
    source = document["published"][0]["source"]
    return table(header, rows) + (
        f"\nThese are the rows of [the data set's own table]({source}) that state a number of parameters; its authors "
        "say that they have not tested the results. Bytes are four per parameter, for the row below 100 K at that "
        "bound; latencies are unknown.\n"
    )
