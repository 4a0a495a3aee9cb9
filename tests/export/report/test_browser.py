"""report.html in a real browser."""

import functools
import http.server
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import machine
import pytest

from fmnist_export.report import page as report
from fmnist_export.report.content import Report
from fmnist_export.report.disagreements import MOST_IMAGES

pytestmark = pytest.mark.host

# A page that holds the report at the width of a phone and of a desk, and says how wide its content got.
_HARNESS = """<!doctype html><title>harness</title><body><script>
for (const width of [375, 390, 1280]) {
  const frame = document.createElement("iframe");
  frame.style = `border:0;height:2000px;width:${width}px`;
  frame.onload = () => {
    const page = frame.contentDocument, root = page.documentElement;
    const images = [...page.images].filter((image) => image.naturalWidth === 28).length;
    const color = frame.contentWindow.getComputedStyle(page.querySelector(".card")).borderTopStyle;
    const figures = [...page.querySelectorAll(".card .figures b")].slice(0, 4);
    const bottom = Math.max(...figures.map((figure) => figure.getBoundingClientRect().bottom));
    const line = document.createElement("p");
    const sizes = `scrollWidth ${root.scrollWidth}, images ${images}, border ${color}`;
    line.textContent = `width ${width}: ${sizes}, figures to ${Math.round(bottom)}`;
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


def test_in_a_browser_it_fits_a_phone_and_a_desk_without_a_line_on_the_console(
    whole: Report, chromium: str, served: tuple[Path, str], tmp_path: Path
) -> None:
    found, console = _browse(chromium, served, report.html(whole), tmp_path / "profile")
    assert console == []
    for width in (375, 390, 1280):
        assert f"width {width}: scrollWidth {width}, images {MOST_IMAGES}, border solid" in found, found[-2000:]


def test_the_browser_notices_a_page_that_is_too_wide_and_an_image_from_outside(
    chromium: str, served: tuple[Path, str], tmp_path: Path, whole: Report
) -> None:
    wide = '<p style="width:2000px">wide</p><img src="https://example.invalid/x.png"></body>'
    found, console = _browse(chromium, served, report.html(whole).replace("</body>", wide), tmp_path / "profile")
    assert "scrollWidth 375" not in found
    assert len([line for line in console if "Content Security Policy" in line]) == 3


def test_on_a_phone_agreement_and_accuracy_are_seen_without_scrolling(
    whole: Report, chromium: str, served: tuple[Path, str], tmp_path: Path
) -> None:
    """Those of the first two files, on a screen of 390 x 844 pixels."""
    models = tuple(replace(model, runs=model.runs[:1], missing_proofs=()) for model in whole.models[:2])
    shown = report.html(replace(whole, source="model.keras", models=models))
    found, _ = _browse(chromium, served, shown, tmp_path / "profile")
    (bottom,) = re.findall(r"width 390: .* figures to (\d+)", found)
    assert 0 < int(bottom) < 844
