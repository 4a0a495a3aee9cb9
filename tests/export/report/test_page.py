"""report.html as a string: what it contains, and what it must not."""

import base64
import io
import re
from dataclasses import replace
from importlib import resources

import numpy as np
from PIL import Image
from report_samples import PageParser

from fmnist_export.report import page as report
from fmnist_export.report.content import ModelResult, Report
from fmnist_export.report.disagreements import MOST_IMAGES


def test_the_page_contains_every_part(whole: Report) -> None:
    page = PageParser(report.html(whole))
    assert page.open == []
    text = " ".join(page.text.split())
    for words in (
        "1,000 (25 %)",
        "96.65 % (95.77 to 97.35)",
        "100.00 % (99.81 to 100.00)",
        "67 of 2,000 differ",
        "Required: agreement of at least 90.00 % on each runtime.",
        "Not proved on tflite-runtime-2.9: FULLY_CONNECTED has a scale for each channel",
        "3 ties at the top",
        "67 images, those first on which Keras is most confident; 7 more are not shown.",
        "2000 images of the split train, seed 0",
        "not needed",
        "int8 (1, 28, 28), scale 0.00392157, zero point -128",
        "costs most: 0.0120 is lost at its step, 100 % of the loss by rounding",
        "tensorflow 2.21.0",
        *(letter * 64 for letter in "abcdef"),
    ):
        assert words in text, words
    assert page.elements.count("img") == MOST_IMAGES
    pictures = [address for address in page.addresses if address.startswith("data:image/png;base64,")]
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures[0].partition(",")[2]))))
    first = re.search(r"#(\d+) true class", text)
    assert first is not None
    assert np.array_equal(drawn, 255 - whole.images[int(first[1])])


def test_verdict_agreement_accuracy_and_latency_come_first(whole: Report) -> None:
    (model,) = whole.models[:1]
    run = replace(model.runs[0], seconds=2.5e-6)
    passed = replace(model, runs=(run,), minimum_agreement=1.0)
    text = " ".join(PageParser(report.html(replace(whole, models=(passed,), machine="x86_64"))).text.split())
    start = text[: text.index("All files")]
    accuracy = f"{np.mean(run.classes == whole.labels):.2%}".replace("%", " %")
    words = ["Passed:", "every file agrees with Keras as required on litert 2.3.0", "100.00 % agreement"]
    words += [f"{accuracy} accuracy", "2.50 µs latency", "(x86_64)", "fmnist-benchmark m-float32.tflite"]
    assert [start.index(part) for part in words] == sorted(start.index(part) for part in words)


def test_the_verdict_is_that_of_the_worst_file(whole: Report) -> None:
    def verdict(*models: ModelResult) -> str:
        return str(re.findall(r'<p class="verdict">(.*?)</p>', report.html(replace(whole, models=models)))[0])

    good, proved_in_part, not_run = whole.models
    reached = replace(proved_in_part, missing_proofs=())
    assert "Passed" in verdict(good, reached)
    assert "Failed" in verdict(good, replace(reached, minimum_agreement=0.99))
    assert "int8 agrees with Keras less than required" in verdict(replace(reached, minimum_agreement=0.99))
    for models in ((good, proved_in_part), (good, not_run), (not_run,)):
        assert "Not fully proved" in verdict(*models)
        assert "could not be run on tflite-runtime-2.9" in verdict(*models)
    assert "Nothing proved" in verdict()


def test_without_a_measured_latency_the_command_that_measures_it_is_named(whole: Report) -> None:
    text = " ".join(PageParser(report.html(replace(whole, models=whole.models[:1]))).text.split())
    assert "The export has no measurement of the latency." in text
    assert "fmnist-benchmark m-float32.tflite" in text
    assert "µs" not in text


def test_equal_classes_share_a_row_and_equal_runtimes_too(whole: Report) -> None:
    model = whole.models[0]
    (run,) = model.runs
    other = replace(run, runtime="tflite-runtime", version="2.14.0")
    page = report.html(replace(whole, models=(replace(model, runs=(run, other)),)))
    rows = re.findall(r"<tbody>(.*?)</tbody>", page)
    names = [re.findall(r'<th scope="row" class="text">(.*?)</th>', body) for body in rows]
    assert names[:2] == [["float32"], ["all 10 classes"]]
    assert "litert 2.3.0<br>tflite-runtime 2.14.0" in rows[0]
    assert "litert 2.3.0 and tflite-runtime 2.14.0</th>" in page
    # One class with a disagreement: it has a row of its own, the nine others share one.
    classes = run.classes.copy()
    index = int(np.flatnonzero(whole.labels == 3)[0])
    classes[index] = (whole.keras_classes[index] + 1) % 10
    page = report.html(replace(whole, models=(replace(model, runs=(replace(run, classes=classes),)),)))
    names = re.findall(r'<th scope="row" class="text">(.*?)</th>', re.findall(r"<tbody>(.*?)</tbody>", page)[1])
    assert names == [whole.class_names[3], "the other 9 classes", "all"]


def test_nothing_from_outside_is_markup_and_nothing_is_loaded(whole: Report) -> None:
    text = report.html(whole)
    page = PageParser(text)
    assert "script" not in page.elements
    assert text.count("<script") == 0
    assert page.text.count("<script>alert(1)</script>\"'&") > 8
    assert {address.partition(":")[0] for address in page.addresses if not address.startswith("#")} == {"data"}
    assert "http" not in re.sub(r'<meta http-equiv="[^>]*>', "", text)
    assert "url(" not in text
    assert len(text.encode()) < 2_000_000


def test_text_has_enough_contrast_in_both_color_schemes() -> None:
    style = resources.files("fmnist_export.report").joinpath("report.css").read_text()
    light, dark = (dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in style.split("prefers-color-scheme")[:2])
    assert set(light) == set(dark)
    for colors in (light, dark):
        for ink in ("ink", "quiet", "accent", "good", "warn"):
            for background in ("page", "panel"):
                assert _contrast(colors[ink], colors[background]) >= 4.5, (ink, background)


def _contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours, as WCAG 2.1 defines it; 4.5 is its least for text."""
    low, high = sorted(_luminance(color) for color in (first, second))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    values = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_the_same_report_gives_the_same_page(whole: Report) -> None:
    assert report.html(whole) == report.html(whole)


def test_without_true_classes_there_is_agreement_and_no_accuracy(whole: Report) -> None:
    text = PageParser(report.html(replace(whole, labels=None))).text
    assert "so there is no accuracy" in text
    assert "96.65 % (95.77 to 97.35)" in text
    assert "Keras's class" in text
    assert "#0 true class" not in text


def test_a_report_without_any_proof_can_still_be_read(whole: Report) -> None:
    model = replace(whole.models[2], missing_proofs=())
    assert "not proved" in PageParser(report.html(replace(whole, models=(model,)))).text
    assert "No file was exported." in PageParser(report.html(replace(whole, models=()))).text
