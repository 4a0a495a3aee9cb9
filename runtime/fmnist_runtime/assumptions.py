"""What a command says of a plain .tflite on every run: what was assumed of it, what it doesn't tell.

A file of fmnist-export states all of this, and nothing is said of it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fmnist_runtime.classifier import Classifier


def pixel_lines(classifier: "Classifier", *, only_assumed: bool = False) -> list[str]:
    """The line on the range of the pixels; with `only_assumed`, none where the range was told or given."""
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
    """The lines on names of classes and on scores that the file doesn't tell, or tells beside the model."""
    name = classifier.model.name
    lines = []
    if classifier.label_source is None:
        lines.append(f"{name} names no classes; give --labels FILE")
    elif classifier.label_source.endswith("inside it"):
        lines.append(f"{name}: the names of its classes are those of {classifier.label_source}")
    if classifier.output_kind == "unknown":
        lines.append(f"{name}: its outputs are no probabilities or logits, so its answers have no score")
    return lines
