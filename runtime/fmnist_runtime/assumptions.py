"""The lines that a command prints about a model file: what is assumed about it, and what it leaves open.

They are about plain .tflite files. A file of fmnist-export states all of this, except the kind of outputs that are
neither probabilities nor logits. This module prints nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fmnist_runtime.classifier import Classifier


def pixel_lines(classifier: "Classifier", *, only_assumed: bool = False) -> list[str]:
    """The line on the pixel range of a plain .tflite, if any; with `only_assumed`, only where the range is assumed."""
    name, found = classifier.model.name, classifier.pixel_range
    if classifier.description is not None or (only_assumed and not found.assumed):
        return []
    if not found.assumed:
        return [f"{name}: pixels {found}"]
    return [
        f"{name} does not say what its pixels mean: {found.low:g}..{found.high:g} is "
        f"{found.reason}; state it with --pixels LOW..HIGH"
    ]


def answer_lines(classifier: "Classifier") -> list[str]:
    """The lines on missing class names, class names from TFLite's metadata, and missing scores."""
    name = classifier.model.name
    lines = []
    if classifier.label_source is None:
        lines.append(f"{name} does not name its classes; give --labels FILE")
    elif classifier.label_source.endswith("inside it"):
        lines.append(f"{name}: its class names are those of {classifier.label_source}")
    if classifier.output_kind == "unknown":
        lines.append(f"{name}: its outputs are neither probabilities nor logits, so its answers have no score")
    return lines
