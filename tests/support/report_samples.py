"""A report with everything in it, and a parser for the page, for the tests of report.html."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from fmnist_export.explain.result import Explanation, Layer
from fmnist_export.prove.environments import MissingProof
from fmnist_export.report.content import ModelResult, Report, Run
from fmnist_export.report.disagreements import MOST_IMAGES
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES

EVIL = "<script>alert(1)</script>\"'&"


def full_report(test_split: Split) -> Report:
    """A report with everything in it: answers that differ more often than is drawn, ties, refusals, odd names."""
    rng = np.random.default_rng(0)
    count = 2000
    keras = rng.dirichlet(np.full(10, 0.05), count).astype(np.float32)
    keras[np.arange(count), test_split.labels[:count]] += 1
    keras /= keras.sum(axis=1, keepdims=True)
    other = keras.copy()
    other[: MOST_IMAGES + 7] = np.roll(other[: MOST_IMAGES + 7], 1, axis=1)
    layer = Layer(
        name="conv2d + " + EVIL,
        operator="CONV_2D",
        dtype="int8",
        sqnr_db=41.25,
        weights_sqnr_db=None,
        weight_scales=(0.01, 0.02),
        lowest=-1.5,
        highest=4.0,
        representable=(-2.0, 4.5),
        scale=0.025,
        zero_point=-48,
        at_least=0.125,
        at_greatest=0.0,
        clipped=0.0,
        cost=0.012,
        share=1.0,
    )
    last = replace(layer, name="classes", dtype="float32", scale=None, zero_point=None, cost=None, share=None)
    explanation = Explanation(
        precision="int8",
        runtime="litert",
        version="2.3.0",
        images=4000,
        tensor_images=500,
        agreement=0.988,
        float_agreement=1.0,
        layers=(layer, last),
    )
    description = {
        "flatbuffer": {"bytes": 900, "sha256": "a" * 64},
        "operators": [{"name": "CONV_2D", "version": 3}, {"name": EVIL, "version": 1}],
        "input": {"dtype": "int8", "shape": [1, 28, 28], "scale": 1 / 255, "zero_point": -128, "range": [0.0, 1.0]},
        "output": {"dtype": "float32", "shape": [1, 10], "scale": None, "zero_point": None, "kind": "probabilities"},
        "calibration": {"split": "train", "count": 2000, "seed": 0},
        "versions": {"tensorflow": "2.21.0"},
        "keras_sha256": "b" * 64,
    }
    runs = (
        Run("tflite-runtime", "2.14.0", other, other.argmax(axis=1), 3),
        Run("litert", "2.3.0", keras, keras.argmax(axis=1), 0),
    )
    refused = (MissingProof("tflite-runtime-2.9", "FULLY_CONNECTED has a scale for each channel " + EVIL),)
    models = (
        ModelResult("m-float32.tflite", "float32", 4000, "c" * 64, {"calibration": None}, runs[1:]),
        ModelResult(
            name=f"{EVIL}.tflite",
            precision="int8",
            bytes=1000,
            sha256="d" * 64,
            description=description,
            runs=runs,
            missing_proofs=refused,
            minimum_agreement=0.9,
            explanation=explanation,
        ),
        ModelResult("m-int16x8.tflite", "int16x8", 1100, "e" * 64, {}, (), refused),
    )
    return Report(
        source=f"{EVIL}.keras",
        source_sha256="f" * 64,
        versions={"keras": "3.15.1", "tensorflow": "2.21.0"},
        class_names=(EVIL, *CLASS_NAMES[1:]),
        scaling="pixel / 255",
        images=test_split.images[:count],
        labels=test_split.labels[:count],
        keras_probabilities=keras,
        models=models,
    )


class PageParser(HTMLParser):
    """The text, the elements and what the page would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []
        self.elements: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href", "data", "action")]
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f"{data} " if self.open and self.open[-1] != "style" else ""
