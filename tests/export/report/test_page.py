"""report.html: its numbers on known samples, and the page as a string and in a real browser."""

import base64
import functools
import http.server
import io
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import machine
import numpy as np
import pytest
from PIL import Image

from fmnist_export.explain.result import Explanation, Layer
from fmnist_export.report import numbers
from fmnist_export.report import page as report
from fmnist_export.report.content import ModelResult, NotProved, Report, Run
from fmnist_export.report.formatting import percent, score
from fmnist_export.report.markup import element, histogram, png
from fmnist_export.report.sections import MOST_IMAGES
from fmnist_runtime.data.fashion_mnist_files import Split
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES

EVIL = "<script>alert(1)</script>\"'&"


def test_the_wilson_interval_is_that_of_the_published_examples() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
    for count, total, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        assert numbers.Share(count, total).interval == pytest.approx((low, high), abs=5e-5)
    assert numbers.Share(10_000, 10_000).interval == pytest.approx((0.999616, 1), abs=1e-6)
    assert numbers.Share(0, 0).interval == (0.0, 1.0)


def test_the_numbers_of_a_known_sample() -> None:
    keras = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], np.float32)
    file = np.array([[0.8, 0.2], [0.3, 0.7], [0.5, 0.5], [0.6, 0.4]], np.float32)
    labels = np.array([0, 1, 1, 1], np.uint8)
    assert numbers.agreement(file.argmax(axis=1), keras) == numbers.Share(3, 4)
    assert numbers.accuracy(file.argmax(axis=1), labels) == numbers.Share(2, 4)
    assert numbers.disagreements(file.argmax(axis=1), keras).tolist() == [3]
    assert numbers.by_class(np.array([True, True, True, False]), labels, 3) == [
        numbers.Share(1, 1),
        numbers.Share(2, 3),
        numbers.Share(0, 0),
    ]
    drift = numbers.drift(file, keras)
    assert drift.mean == pytest.approx(-0.1)
    assert (drift.median, drift.p95, drift.largest) == pytest.approx((0.1, 0.1, 0.1))


def test_outputs_become_probabilities_and_ties_are_counted_before() -> None:
    outputs = np.array([[127, -128, -128], [-1, -1, -128], [-128, -128, -128]], np.int8)
    probabilities = {"scale": 1 / 256, "zero_point": -128, "kind": "probabilities"}
    run = Run.from_outputs(outputs, probabilities, "litert", "2.3.0")
    assert run.probabilities.dtype == np.float32
    assert run.probabilities.tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 0]]
    assert (run.answers.tolist(), run.ties) == ([0, 0, 0], 2)
    # Two logits that float32 tells apart and their probabilities no longer: the answer is still the output's.
    logits = np.array([[1e-8, 2e-8], [np.log(3), 0]], np.float32)
    run = Run.from_outputs(logits, {"scale": None, "zero_point": None, "kind": "logits"}, "litert", "2.3.0")
    assert run.probabilities == pytest.approx(np.array([[0.5, 0.5], [0.75, 0.25]]))
    assert (run.answers.tolist(), run.ties) == ([1, 0], 0)


def test_shares_and_scores_never_say_all_or_nothing_where_it_is_not() -> None:
    assert [percent(value) for value in (1, 0.99999, 0.9991, 0.00001, 0)] == [
        "100.00 %",
        "99.99 %",
        "99.91 %",
        "0.01 %",
        "0.00 %",
    ]
    assert [score(value) for value in (1, 0.99999, 0.5, 0.00001, 0)] == ["1.000", ">0.999", "0.500", "<0.001", "0.000"]


def test_a_picture_is_the_image_pixel_for_pixel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(image)))), image)


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = element("b", EVIL, title=EVIL)
    assert str(element("p", inner)) == (
        '<p><b title="&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;">'
        "&lt;script&gt;alert(1)&lt;/script&gt;\"'&amp;</b></p>"
    )


def test_a_histogram_counts_every_image() -> None:
    values = np.concatenate([np.zeros(1000), [0.5, -0.5, 0.25]])
    found = re.findall(r"<title>([\d,]+) images around ([+-][\d.]+)</title>", histogram(values, "drift"))
    assert sum(int(count.replace(",", "")) for count, _ in found) == 1003
    assert found[0] == ("1", "-0.4878")


@pytest.fixture(scope="module")
def whole(test_split: Split) -> Report:
    """A report with everything in it: answers that differ more often than is drawn, ties, refusals, odd names."""
    rng = np.random.default_rng(0)
    count = 2000
    keras = rng.dirichlet(np.full(10, 0.05), count).astype(np.float32)
    keras[np.arange(count), test_split.labels[:count]] += 1
    keras /= keras.sum(axis=1, keepdims=True)
    other = keras.copy()
    other[: MOST_IMAGES + 7] = np.roll(other[: MOST_IMAGES + 7], 1, axis=1)
    layer = Layer(
        *("conv2d + " + EVIL, "CONV_2D", "int8", 41.25, None, (0.01, 0.02), -1.5, 4.0, (-2.0, 4.5), 0.025, -48),
        *(0.125, 0.0, 0.0, 0.012, 1.0),
    )
    last = replace(layer, name="classes", dtype="float32", scale=None, zero_point=None, cost=None, share=None)
    explanation = Explanation("int8", "litert", "2.3.0", 4000, 500, 0.988, 1.0, (layer, last))
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
    refused = (NotProved("tflite-runtime-2.9", "FULLY_CONNECTED has a scale for each channel " + EVIL),)
    models = (
        ModelResult("m-float32.tflite", "float32", 4000, "c" * 64, {"calibration": None}, runs[1:]),
        ModelResult(f"{EVIL}.tflite", "int8", 1000, "d" * 64, description, runs, refused, 0.9, explanation),
        ModelResult("m-int16x8.tflite", "int16x8", 1100, "e" * 64, {}, (), refused),
    )
    names = (EVIL, *CLASS_NAMES[1:])
    versions = {"keras": "3.15.1", "tensorflow": "2.21.0"}
    images, labels = test_split.images[:count], test_split.labels[:count]
    return Report(f"{EVIL}.keras", "f" * 64, versions, names, "pixel / 255", images, labels, keras, models)


class _Page(HTMLParser):
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


def test_the_page_says_all_of_it(whole: Report) -> None:
    page = _Page(report.html(whole))
    assert page.open == []
    text = " ".join(page.text.split())
    for words in (
        "1,000 25 %",
        "96.65 % (95.77 to 97.35)",
        "100.00 % (99.81 to 100.00)",
        "67 of 2,000 differ",
        "Required: agreement of at least 90.00 % on each runtime.",
        "Not proved for tflite-runtime-2.9: FULLY_CONNECTED has a scale for each channel",
        "3 ties at the top",
        "67 images, those first of which Keras was surest; 7 more are not drawn.",
        "2000 images of the split train, seed 0",
        "none needed",
        "int8 (1, 28, 28), scale 0.00392157, zero point -128",
        "costs most: 0.0120 is lost at its turn, 100 % of what rounding costs",
        "tensorflow 2.21.0",
        *(letter * 64 for letter in "abcdef"),
    ):
        assert words in text, words
    assert page.elements.count("img") == MOST_IMAGES
    pictures = [address for address in page.addresses if address.startswith("data:image/png;base64,")]
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures[0].partition(",")[2]))))
    first = re.search(r"#(\d+) true class", text)
    assert first is not None
    assert np.array_equal(drawn, whole.images[int(first[1])])


def test_nothing_from_outside_is_markup_and_nothing_is_loaded(whole: Report) -> None:
    text = report.html(whole)
    page = _Page(text)
    assert "script" not in page.elements
    assert text.count("<script") == 0
    assert page.text.count("<script>alert(1)</script>\"'&") > 8
    assert {address.partition(":")[0] for address in page.addresses if not address.startswith("#")} == {"data"}
    assert "http" not in re.sub(r'<meta http-equiv="[^>]*>', "", text)
    assert "url(" not in text
    assert len(text.encode()) < 2_000_000


def test_words_can_be_read_on_their_background() -> None:
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
    text = _Page(report.html(replace(whole, labels=None))).text
    assert "there is no accuracy" in text
    assert "96.65 % (95.77 to 97.35)" in text
    assert "Keras's class" in text
    assert "#0 true class" not in text


def test_a_report_without_any_proof_can_still_be_read(whole: Report) -> None:
    model = replace(whole.models[2], not_proved=())
    assert "not proved" in _Page(report.html(replace(whole, models=(model,)))).text
    assert "No file was made." in _Page(report.html(replace(whole, models=()))).text


# A page that holds the report at the width of a phone and of a desk, and says how wide its content got.
_HARNESS = """<!doctype html><title>harness</title><body><script>
for (const width of [375, 1280]) {
  const frame = document.createElement("iframe");
  frame.style = `border:0;height:2000px;width:${width}px`;
  frame.onload = () => {
    const page = frame.contentDocument, root = page.documentElement;
    const images = [...page.images].filter((image) => image.naturalWidth === 28).length;
    const color = frame.contentWindow.getComputedStyle(page.querySelector(".card")).borderTopStyle;
    const line = document.createElement("p");
    line.textContent = `width ${width}: scrollWidth ${root.scrollWidth}, images ${images}, border ${color}`;
    document.body.append(line);
  };
  frame.src = "report.html";
  document.body.append(frame);
}
</script>"""
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --enable-logging=stderr --v=0 "
    "--virtual-time-budget=20000"
)


@pytest.fixture(scope="module")
def chromium() -> str:
    return machine.program("chromium", "chromium-browser", "google-chrome", package="chromium")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address at which it is served on this machine alone."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _browse(chromium: str, served: tuple[Path, str], page: str, profile: Path) -> tuple[str, list[str]]:
    """What the harness found in `page`, and the lines on Chromium's console."""
    folder, address = served
    (folder / "report.html").write_text(page, "utf-8")
    (folder / "harness.html").write_text(_HARNESS)
    command = [chromium, *_FLAGS.split(), f"--user-data-dir={profile}", "--dump-dom", f"{address}/harness.html"]
    variables = {**os.environ, "XDG_CONFIG_HOME": str(profile)}
    result = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=True)
    return result.stdout, [line for line in result.stderr.splitlines() if "CONSOLE" in line and "favicon" not in line]


@pytest.mark.host
def test_in_a_browser_it_fits_a_phone_and_a_desk_without_a_line_on_the_console(
    whole: Report, chromium: str, served: tuple[Path, str], tmp_path: Path
) -> None:
    found, console = _browse(chromium, served, report.html(whole), tmp_path / "profile")
    assert console == []
    for width in (375, 1280):
        assert f"width {width}: scrollWidth {width}, images {MOST_IMAGES}, border solid" in found, found[-2000:]


@pytest.mark.host
def test_the_browser_would_have_seen_what_is_wrong(
    chromium: str, served: tuple[Path, str], tmp_path: Path, whole: Report
) -> None:
    wide = '<p style="width:2000px">wide</p><img src="https://example.invalid/x.png"></body>'
    found, console = _browse(chromium, served, report.html(whole).replace("</body>", wide), tmp_path / "profile")
    assert "scrollWidth 375" not in found
    assert len([line for line in console if "Content Security Policy" in line]) == 2
