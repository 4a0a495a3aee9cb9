"""The section of one exported file: its runtimes, classes, drift, the images that differ, and what it is made of."""

import math
from collections.abc import Iterator
from typing import Any

from fmnist_export.explain.result import Explanation, Layer
from fmnist_export.explain.table import sentence
from fmnist_export.report import numbers
from fmnist_export.report.content import ModelResult, Report, Run
from fmnist_export.report.formatting import (
    NONE,
    code,
    decibels,
    percent,
    score,
    share,
    significant,
    size,
    whole_percent,
)
from fmnist_export.report.markup import Content, Markup, element, histogram, join, picture, table, whisker

# Images drawn for each file; the count of the rest is stated.
MOST_IMAGES = 60
# A drift below this is float32's own rounding and no histogram shows it.
_NO_DRIFT = 1e-5


def sections(model: ModelResult, report: Report) -> Iterator[Content]:
    """Everything on `model`, the heading first."""
    yield element("h2", f"{model.precision}: {model.name}")
    if model.minimum_agreement is not None and model.runs:
        yield element("p", f"Required: agreement of at least {percent(model.minimum_agreement)} on each runtime.")
    for other in model.not_proved:
        yield element("p", f"Not proved for {other.target}: {other.reason}", class_="warn")
    if model.runs:
        yield from _classes(model, report)
        for run in model.runs:
            yield from _drift(run, report)
        yield from _images(model, report)
    if model.explanation is not None:
        yield from _explanation(model.explanation)
    yield from _contents(model)


def _classes(model: ModelResult, report: Report) -> Iterator[Content]:
    yield element("h3", "Agreement by class")
    classes = len(report.class_names)
    hits = [run.answers == report.keras_answers for run in model.runs]
    # Without true classes, those that Keras answers.
    grouping = report.keras_answers if report.labels is None else report.labels
    columns = [numbers.by_class(hit, grouping, classes) for hit in hits]
    start = _axis_start(min(found.interval[0] for column in columns for found in column if found.total))
    rows: list[list[Content]] = []
    for number, name in enumerate([*report.class_names, "all"]):
        cells: list[Content] = [name]
        for hit, column in zip(hits, columns, strict=True):
            found = column[number] if number < classes else numbers.Share(int(hit.sum()), len(hit))
            cells += [f"{found.total - found.count:,}", share(found), _drawn(found, start)]
        rows.append(cells)
    head: list[Content] = ["Keras's class" if report.labels is None else "true class"]
    for run in model.runs:
        head += ["differ", f"{run.runtime} {run.version}", f"{whole_percent(start)} to 100 %"]
    caption = "The share of each class's test images on which the file answers as Keras does, with 95 % intervals."
    yield table(head, rows, label="Agreement by class", caption=caption)


def _axis_start(lowest: float) -> float:
    """A round share at or below `lowest`, so that the intervals fill their drawing."""
    return max(0.0, min(0.99, math.floor(lowest * 100 - 1e-9) / 100))


def _drawn(found: numbers.Share, start: float) -> Content:
    return whisker(found.interval[0], found.value, found.interval[1], start, 1.0) if found.total else ""


def _drift(run: Run, report: Report) -> Iterator[Content]:
    found = numbers.drift(run.probabilities, report.keras_probabilities)
    where = f"{run.runtime} {run.version}"
    yield element("h3", f"Confidence drift on {where}")
    yield element(
        "p",
        f"The highest score minus Keras's highest: {found.mean:+.2g} on average; without sign {found.median:.2g} at "
        f"the median, {found.p95:.2g} at the 95th percentile, {found.largest:.2g} at most. "
        f"{run.ties:,} {'tie' if run.ties == 1 else 'ties'} at the top.",
    )
    if found.largest > _NO_DRIFT:
        yield histogram(found.differences, f"Change of the highest score on {where}; the counts are logarithmic")
        yield element("p", "Change of the highest score; counts on a logarithmic scale.", class_="quiet")
    else:
        yield element("p", "That is float32's own rounding: no histogram would show it.", class_="quiet")


def _images(model: ModelResult, report: Report) -> Iterator[Content]:
    yield element("h3", "Images with another answer than Keras's")
    where: dict[int, list[Run]] = {}
    for run in model.runs:
        for index in numbers.disagreements(run.answers, report.keras_probabilities).tolist():
            where.setdefault(index, []).append(run)
    if not where:
        yield element("p", element("span", "None: all answers are Keras's.", class_="good"))
        return
    highest = report.keras_probabilities.max(axis=1)
    order = sorted(where, key=lambda index: (-float(highest[index]), index))
    shown = order[:MOST_IMAGES]
    left_out = len(order) - len(shown)
    yield element(
        "p",
        f"{len(order):,} {'image' if len(order) == 1 else 'images'}, those first of which Keras was surest"
        + (f"; {left_out:,} more are not drawn." if left_out else "."),
        "" if report.labels is None else " ✓ marks the true class.",
    )
    yield element("ul", *(_image(index, where[index], model, report) for index in shown), class_="images")


def _image(index: int, runs: list[Run], model: ModelResult, report: Report) -> Markup:
    label = None if report.labels is None else int(report.labels[index])
    names = report.class_names
    lines: list[Content] = [
        element("span", element("strong", f"#{index}"), "" if label is None else f" true class {names[label]}"),
        _answer("Keras", int(report.keras_answers[index]), report.keras_probabilities[index], label, names),
    ]
    for run in runs:
        who = model.precision if len(model.runs) == 1 else f"{run.runtime}"
        lines.append(_answer(who, int(run.answers[index]), run.probabilities[index], label, names))
    alt = f"Test image {index}" + ("" if label is None else f", true class {names[label]}")
    return element("li", picture(report.images[index], alt), element("div", *lines))


def _answer(who: str, first: int, scores: numbers.Floats, label: int | None, names: tuple[str, ...]) -> Markup:
    answer = f"{who}: {names[first]} {score(float(scores[first]))}"
    right: list[Content] = [" ", element("b", "✓", class_="good")] if first == label else []
    return element("span", answer, *right)


def _contents(model: ModelResult) -> Iterator[Content]:
    description = model.description
    yield element("h3", "What the file is made of")
    facts: list[tuple[str, Content]] = [
        ("file", model.name),
        ("size", size(model.bytes)),
        ("SHA-256", code(model.sha256)),
    ]
    flatbuffer = description.get("flatbuffer")
    if isinstance(flatbuffer, dict):
        facts.append(
            ("flatbuffer inside", join([f"{size(int(flatbuffer['bytes']))}, ", code(str(flatbuffer["sha256"]))]))
        )
    facts += [(side, _tensor(description[side])) for side in ("input", "output") if side in description]
    facts.append(("calibration", _calibration(description.get("calibration"))))
    if description.get("keras_sha256"):
        facts.append(("from the Keras file", code(str(description["keras_sha256"]))))
    versions = description.get("versions") or {}
    facts.append(("made with", ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) or NONE))
    yield element("dl", *(join([element("dt", name), element("dd", value)]) for name, value in facts))
    operators = description.get("operators") or []
    rows = [[code(str(item["name"])), str(item["version"])] for item in operators]
    yield table(
        ["operator", "version"],
        rows,
        label="Operators",
        caption="Operators, each with the highest version that occurs.",
    )


def _tensor(tensor: dict[str, Any]) -> str:
    words = [f"{tensor.get('dtype')} {tuple(tensor.get('shape', ()))}"]
    if tensor.get("scale"):
        words.append(f"scale {tensor['scale']:.6g}, zero point {tensor.get('zero_point')}")
    if tensor.get("kind"):
        words.append(str(tensor["kind"]))
    if tensor.get("range"):
        low, high = tensor["range"]
        words.append(f"pixels ({tensor.get('pixels')}) as {low:g} to {high:g}")
    return ", ".join(words)


def _calibration(calibration: dict[str, Any] | None) -> str:
    if not calibration:
        return "none needed"
    rest = {key: value for key, value in calibration.items() if key not in ("split", "count", "seed")}
    words = [
        f"{calibration.get('count')} images of the split {calibration.get('split')}, seed {calibration.get('seed')}"
    ]
    return ", ".join([*words, *(f"{key} {value}" for key, value in sorted(rest.items()))])


def _explanation(explanation: Explanation) -> Iterator[Content]:
    yield element("h3", "Where the error comes from")
    yield element("p", f"{sentence(explanation)}.")
    yield element(
        "p",
        f"SQNR: signal to quantization noise of the layer's output against the float32 model, with all the noise up to "
        f"there, on {explanation.tensor_images:,} images; of the weights, by themselves. 6 dB are one bit. Cost: "
        f"the agreement lost when this layer goes to int8 after those above it. Share: its part of the noise that "
        f"changes answers.",
        class_="quiet",
    )
    head = "layer, operator, cost, share, SQNR dB, weights dB, observed, representable, clipped, at -128, at 127"
    rest = "scale, zero, weight scales"
    rows = [_layer(layer, layer is explanation.costliest) for layer in explanation.layers]
    caption = "Each layer in order of execution. Clipped: values beyond what the tensor can hold."
    yield table(f"{head}, {rest}".split(", "), rows, label="Layers", caption=caption, text=2)


def _layer(layer: Layer, costliest: bool) -> list[Content]:
    name = element("strong", f"{layer.name} ◀") if costliest else layer.name
    return [
        name,
        code(layer.operator) if layer.dtype != "float32" else join([code(layer.operator), " float32"]),
        NONE if layer.cost is None else f"{layer.cost:.4f}",
        NONE if layer.share is None else whole_percent(layer.share),
        decibels(layer.sqnr_db),
        decibels(layer.weights_sqnr_db),
        _range((layer.lowest, layer.highest)),
        _range(layer.representable),
        *(NONE if value is None else percent(value) for value in (layer.clipped, layer.at_least, layer.at_greatest)),
        significant(layer.scale),
        NONE if layer.zero_point is None else str(layer.zero_point),
        _range(layer.weight_scales),
    ]


def _range(limits: tuple[float, float] | None) -> str:
    return NONE if limits is None else f"{significant(limits[0], 3)} to {significant(limits[1], 3)}"
