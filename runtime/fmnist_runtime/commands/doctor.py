"""fmnist-doctor: what this machine has, whether an interpreter works, and the exact command that fixes it if not."""

from typing import TYPE_CHECKING

import click

from fmnist_runtime.commandline import Command, Example, print_json, print_text
from fmnist_runtime.commandline.output import wrap

if TYPE_CHECKING:
    from fmnist_runtime.device.board import Board
    from fmnist_runtime.device.doctor import Report

_NAME_WIDTH = 16
_EXAMPLES = (
    Example("what works here, and what to do where nothing does", "fmnist-doctor"),
    Example("the same for a program", "fmnist-doctor --json"),
)


@click.command("fmnist-doctor", cls=Command, examples=_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on standard output.")
def main(as_json: bool) -> int:
    """Describe this machine, and run a tiny model on each interpreter to see which works.

    Each interpreter runs in a process of its own, and its answer is compared with the right one. Prints the board, the
    processor's features, governor, temperature and throttling where the system tells them. The last lines say what to
    do. The exit code is 1 where no interpreter works.
    """
    from fmnist_runtime.device.doctor import examine

    report = examine()
    if as_json:
        print_json(report.as_json(), indent=1)
    else:
        for name, value in _lines(report):
            print_text(wrap(f"{name:<{_NAME_WIDTH}}{value}", _NAME_WIDTH))
    return int(not report.works)


def _lines(report: "Report") -> list[tuple[str, str]]:
    lines = [("fmnist-edge", f"{report.version}, Python {report.python}, numpy {report.numpy or 'missing'}")]
    lines += _board_lines(report.board)
    for finding in report.findings:
        lines.append((finding.backend, finding.problem or f"{finding.version} works: its answer is right"))
    uses = report.uses
    lines.append(("uses", f"{uses.backend} {uses.version}, the first that works" if uses else "nothing: none works"))
    lines += [("to do", sentence) for sentence in report.to_do or ("nothing",)]
    return lines


def _board_lines(board: "Board") -> list[tuple[str, str]]:
    throttled = "not reported" if board.throttled is None else ", ".join(board.throttled) or "none"
    return [
        ("board", board.name or "no device tree, so no board computer"),
        ("processor", f"{board.cpu}, {board.machine}, {board.cores} cores"),
        ("features", " ".join(board.features) or "not reported"),
        ("governor", board.governor or "not reported"),
        ("temperature", "not reported" if board.celsius is None else f"{board.celsius:.1f} °C"),
        ("throttling", throttled),
    ]
