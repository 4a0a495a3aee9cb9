import pytest

from fmnist_benchmarks.measure.rounds import Progress
from fmnist_benchmarks.output import progress
from fmnist_benchmarks.output.progress import ProgressLine


def test_the_time_left_is_estimated_from_the_share_that_is_done() -> None:
    assert progress.describe(Progress(1, 4, 0.0), 0.0) == "round 1 of 4"
    assert progress.describe(Progress(2, 4, 0.25), 10.0) == "round 2 of 4, 25 % done, about 30 s left"
    assert progress.describe(Progress(2, 4, 0.25), 100.0) == "round 2 of 4, 25 % done, about 5 min left"
    assert progress.describe(Progress(4, 4, 0.999), 10.0) == "round 4 of 4, 100 % done, about 1 s left"


def test_without_a_terminal_a_round_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine() as line:
        for number in (1, 2):
            for share in (0.0, 0.4):
                line(Progress(number, 2, (number - 1 + share) / 2))
    lines = capsys.readouterr().err.splitlines()
    assert [text[:12] for text in lines] == ["round 1 of 2", "round 2 of 2"]


def test_a_terminal_has_one_line_that_is_removed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with ProgressLine() as line:
        line(Progress(1, 2, 0.0))
        line(Progress(2, 2, 0.5))
    written = capsys.readouterr().err
    assert "\n" not in written
    assert written.count("\rround") == 2
    assert written.endswith(f"\r{'':<79}\r")
