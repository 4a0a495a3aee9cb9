"""The last parts of a file's section: the explanation of its error, and what the file consists of."""

from collections.abc import Iterator
from typing import Any

from fmnist_export.explain.result import Explanation, Layer
from fmnist_export.explain.text import summary
from fmnist_export.report.content import ModelResult
from fmnist_export.report.formatting import NONE, code, decibels, percent, significant, size, whole_percent
from fmnist_export.report.markup import Content, element, join, table


def explanation(found: Explanation) -> Iterator[Content]:
    """The summary of the explanation and a table of the layers."""
    yield element("h3", "Where the error comes from")
    yield element("p", f"{summary(found)}.")
    yield element(
        "p",
        f"SQNR: signal to quantization noise ratio of the layer's output against the float32 model, with all noise up "
        f"to this layer, on {found.tensor_images:,} images; for weights that of the layer alone. 6 dB are one bit. "
        f"Cost: the agreement lost when this layer changes to int8 after those above it. Share: its part of the noise "
        f"that changes answers.",
        class_="quiet",
    )
    head = "layer, operator, cost, share, SQNR dB, weights dB, observed, representable, clipped, at -128, at 127"
    rest = "scale, zero, weight scales"
    rows = [_layer(layer, layer is found.costliest) for layer in found.layers]
    caption = "The layers in order of execution. Clipped: values outside the range of the tensor."
    yield table(f"{head}, {rest}".split(", "), rows, label="Layers", caption=caption, text=2)


def details(model: ModelResult) -> Iterator[Content]:
    """Size, digests, input, output, calibration, versions and operators of the file."""
    description = model.description
    yield element("h3", "What the file consists of")
    facts: list[tuple[str, Content]] = [
        ("file", model.name),
        ("size", size(model.bytes)),
        ("SHA-256", code(model.sha256)),
    ]
    flatbuffer = description.get("flatbuffer")
    if isinstance(flatbuffer, dict):
        digest = join([f"{size(int(flatbuffer['bytes']))}, ", code(str(flatbuffer["sha256"]))])
        facts.append(("flatbuffer inside", digest))
    facts += [(side, _tensor(description[side])) for side in ("input", "output") if side in description]
    facts.append(("calibration", _calibration(description.get("calibration"))))
    if description.get("keras_sha256"):
        facts.append(("from the Keras file", code(str(description["keras_sha256"]))))
    versions = description.get("versions") or {}
    facts.append(("made with", ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) or NONE))
    yield element("dl", *(join([element("dt", name), element("dd", value)]) for name, value in facts))
    operators = description.get("operators") or []
    rows = [[code(str(item["name"])), str(item["version"])] for item in operators]
    caption = "Operators, each with the highest version that occurs."
    yield table(["operator", "version"], rows, label="Operators", caption=caption)


def _tensor(tensor: dict[str, Any]) -> str:
    parts = [f"{tensor.get('dtype')} {tuple(tensor.get('shape', ()))}"]
    if tensor.get("scale"):
        parts.append(f"scale {tensor['scale']:.6g}, zero point {tensor.get('zero_point')}")
    if tensor.get("kind"):
        parts.append(str(tensor["kind"]))
    if tensor.get("range"):
        low, high = tensor["range"]
        parts.append(f"pixels ({tensor.get('pixels')}) as {low:g} to {high:g}")
    return ", ".join(parts)


def _calibration(calibration: dict[str, Any] | None) -> str:
    if not calibration:
        return "not needed"
    rest = {key: value for key, value in calibration.items() if key not in ("split", "count", "seed")}
    drawn = f"{calibration.get('count')} images of the split {calibration.get('split')}, seed {calibration.get('seed')}"
    return ", ".join([drawn, *(f"{key} {value}" for key, value in sorted(rest.items()))])


def _layer(layer: Layer, costliest: bool) -> list[Content]:
    return [
        element("strong", f"{layer.name} ◀") if costliest else layer.name,
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
