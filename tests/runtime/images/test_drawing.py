import io
import os

import numpy as np
import pytest

from fmnist_runtime.images.drawing import draw, style_for

IMAGE = np.zeros((28, 28), np.uint8)
IMAGE[4:24, 10] = 255
IMAGE[13, :] = 255


def test_ascii_and_blocks_are_14_lines_of_28_characters() -> None:
    for style, full, half in (("ascii", "@", "="), ("blocks", "█", "▒")):
        lines = draw(IMAGE, style).split("\n")
        assert [len(line) for line in lines] == [28] * 14
        assert lines[0].isspace()
        assert lines[3] == " " * 10 + full + " " * 17
        assert lines[6] == half * 10 + full + half * 17
    assert draw(IMAGE, "ascii").isascii()


def test_colours_show_two_pixels_a_character_and_end_with_the_line() -> None:
    lines = draw(IMAGE, "colour").split("\n")
    assert len(lines) == 14
    assert all(line.count("▀") == 28 and line.endswith("\x1b[0m") for line in lines)
    assert lines[6].startswith("\x1b[38;5;232;48;5;255m▀")
    assert set(lines[0].replace("\x1b[0m", "").split("▀")) == {"\x1b[38;5;232;48;5;232m", ""}


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("encoding", "environment", "terminal", "style"),
    [
        ("utf-8", {"TERM": "xterm"}, True, "colour"),
        ("utf-8", {"TERM": "xterm", "NO_COLOR": ""}, True, "colour"),
        ("utf-8", {"TERM": "xterm", "NO_COLOR": "1"}, True, "blocks"),
        ("utf-8", {"TERM": "dumb"}, True, "blocks"),
        ("utf-8", {}, True, "blocks"),
        ("utf-8", {"TERM": "xterm"}, False, "blocks"),
        ("ascii", {"TERM": "xterm"}, True, "ascii"),
        ("latin-1", {"TERM": "xterm"}, True, "ascii"),
    ],
)
def test_the_style_fits_the_terminal(
    encoding: str, environment: dict[str, str], terminal: bool, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "environ", {**os.environ, **environment})
    stream = (_Terminal if terminal else io.TextIOWrapper)(io.BytesIO(), encoding)
    assert style_for(stream) == style
