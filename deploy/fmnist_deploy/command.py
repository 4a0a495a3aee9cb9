"""fmnist-bundle: one file that carries wheels, models and installer to a board, copied by hand or by ssh."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from fmnist_deploy import summary
from fmnist_runtime.commandline import FILE, Command, Example, print_json, print_text, warn
from fmnist_runtime.commandline.completion import names_or_files
from fmnist_runtime.model.shipped import SHIPPED

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from fmnist_deploy.boards import Board

_EXAMPLES = (
    Example("one file, installed on the board by: sh FILE", "fmnist-bundle pi-bookworm-64"),
    Example("with a model of your own", "fmnist-bundle pi-trixie-64 --model model-int8.tflite"),
    Example("by ssh: copy, install, examine, verify, measure", "fmnist-bundle --to pi@raspberrypi.local -o pi.json"),
    Example("back to the previous version", "fmnist-bundle --to pi@raspberrypi.local --rollback"),
)


def _complete_board(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    from fmnist_deploy.boards import BOARDS

    return [CompletionItem(name, help=board.boards) for name, board in BOARDS.items() if name.startswith(incomplete)]


@click.command("fmnist-bundle", cls=Command, examples=_EXAMPLES)
@click.argument("board", required=False, shell_complete=_complete_board)
@click.option(
    "--model",
    "models",
    type=FILE,
    multiple=True,
    metavar="FILE",
    shell_complete=names_or_files(SHIPPED),
    help="A .tflite file with its golden file beside it, or the name of a shipped model; may be repeated.  "
    "[default: all shipped models]",
)
@click.option(
    "--python", metavar="3.N", help="The Python of an x86-64 machine.  [default: 3.11, or the one that --to finds]"
)
@click.option(
    "--wheel", type=FILE, metavar="FILE", help="The wheel of fmnist-edge.  [default: made from the installed package]"
)
@click.option(
    "--to",
    "target",
    metavar="USER@HOST",
    help="Copy the file there by ssh (with its keys, agent and questions), install it, and run fmnist-doctor, "
    "fmnist-verify and fmnist-benchmark there.",
)
@click.option(
    "--ssh-option",
    "ssh_options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of ssh, as in ssh -o, such as Port=2222; may be repeated.",
)
@click.option(
    "--prefix",
    metavar="DIR",
    help="With --to: the folder there.  [default: /opt/fmnist-edge for root, else ~/.local/share/fmnist-edge]",
)
@click.option(
    "--service",
    is_flag=True,
    help="With --to: write systemd units there for a socket that takes frames of 784 bytes and answers JSON lines, as "
    "a user of its own, for root and the group fmnist-edge (docs/deployment.md).",
)
@click.option("--rollback", is_flag=True, help="With --to: switch back to the previous version, and examine that.")
@click.option(
    "--check", "checked", type=FILE, metavar="FILE", help="Only check that FILE is a bundle without a damaged byte."
)
@click.option(
    "-o", "--output", type=FILE, metavar="FILE", help="The bundle; with --to, a file for the results as JSON."
)
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on standard output.")
def main(
    board: str | None,
    models: tuple[Path, ...],
    python: str | None,
    wheel: Path | None,
    target: str | None,
    ssh_options: tuple[str, ...],
    prefix: str | None,
    service: bool,
    rollback: bool,
    checked: Path | None,
    output: Path | None,
    as_json: bool,
) -> int:
    """Make one file that installs fmnist-edge with models on BOARD, without internet: sh FILE.

    With --to, BOARD may be left out: the machine is asked.

    \b
    pi-bookworm-64  Pi 3, 4, Zero 2 W: 64-bit bookworm
    pi-bookworm-32  Pi 2, 3, 4, Zero 2 W: 32-bit bookworm
    pi-trixie-64    Pi 3, 4, 5, Zero 2 W: 64-bit trixie
    x86-64          a PC

    The file needs no pip and no root there, only the system's Python (on 32 bits also its python3-numpy and
    python3-pil). It checks every byte of itself first, installs beside the previous version, and switches when the new
    version has passed fmnist-doctor and fmnist-verify. sh FILE --help lists its options, such as --prefix, --check,
    --service and --rollback. Run it by the command that is printed, which compares the SHA-256 first.
    """
    from fmnist_deploy import boards

    if checked is not None:
        others = (board, models, python, wheel, target, ssh_options, prefix, service, rollback, output)
        if any(others):
            raise click.UsageError("--check only checks a file; give nothing else but --json")
        return _check(checked, as_json)
    if prefix is not None and (not prefix.startswith("/") or prefix != "".join(prefix.split())):
        raise click.UsageError(f"--prefix is {prefix!r}, expected an absolute path there, without blanks")
    version = _version(python)
    named = boards.find(board, version) if board else None
    contents = _Contents(list(models), wheel)
    if target is None:
        if named is None:
            raise click.UsageError(f"name a board ({', '.join(boards.BOARDS)}), or a machine with --to")
        if rollback or service or prefix or ssh_options:
            raise click.UsageError("--rollback, --service, --prefix and --ssh-option go with --to")
        return _make(named, contents, output, as_json)
    if rollback and (board or models or wheel or service):
        raise click.UsageError("--rollback installs nothing; give --to, --prefix and --ssh-option only")
    goal = _Goal(target, ssh_options, prefix, rollback, service)
    document = _deploy(goal, named, contents)
    if output:
        _write_results(output, document)
    if as_json:
        print_json(document, indent=1)
    else:
        print_text("\n".join(summary.lines(document)))
    if not document["passed"]:
        warn(f"fmnist-bundle: {target}: fmnist-doctor or fmnist-verify fails there; go back with --rollback")
    return int(not document["passed"])


class _Contents(NamedTuple):
    """What is packed beside the installer: models (all shipped ones where none is named), and fmnist-edge's wheel."""

    models: list[Path]
    wheel: Path | None


class _Goal(NamedTuple):
    """The machine of --to, and what is done there."""

    target: str
    ssh_options: tuple[str, ...]
    prefix: str | None
    rollback: bool
    service: bool


def _check(path: Path, as_json: bool) -> int:
    from fmnist_deploy.target.formats import archive
    from fmnist_runtime.errors import FmnistError

    try:
        bundle = archive.read(path)
    except archive.ArchiveError as error:
        raise FmnistError(str(error)) from error
    board, models = str(bundle.manifest["board"]), [Path(name).name for name in bundle.manifest["models"]]
    if as_json:
        document = {"path": str(path), "board": board, "version": bundle.version, "models": models, "checked": True}
        print_json(document, indent=1)
    else:
        print_text(f"passed: {path} is intact: {bundle.version} for {board} with {', '.join(models) or 'no model'}")
    return 0


def _version(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"3\.(\d+)", text)
    if not found:
        raise click.UsageError(f"--python is {text!r}, expected a version such as 3.11")
    return 3, int(found[1])


def _make(board: "Board", contents: _Contents, output: Path | None, as_json: bool) -> int:
    import fmnist_runtime
    from fmnist_runtime.system.atomic import write_atomically
    from fmnist_runtime.system.digests import sha256

    content = _bundle(board, contents)
    path = output or Path(f"fmnist-edge-{fmnist_runtime.__version__}-{board.name}.run")
    write_atomically(path, content)
    digest = sha256(content)
    if as_json:
        print_json({"path": str(path), "board": board.name, "bytes": len(content), "sha256": digest}, indent=1)
    else:
        print_text(f"{path}: {len(content) / 1e6:.1f} MB for {board.boards}, SHA-256 {digest}")
        print_text(f"copy it there and run: {summary.run_command(path.name, digest)}")
    return 0


def _bundle(board: "Board", contents: _Contents) -> bytes:
    from fmnist_deploy import bundle

    models = bundle.read_models(contents.models)
    for model in models:
        if board.runtime not in model.proved_on:
            warn(
                f"{model.name}: not proved on {board.runtime}, the runtime of {board.name}; export it with --target all"
            )
    return bundle.make(board, models, contents.wheel)


def _deploy(goal: _Goal, named: "Board | None", contents: _Contents) -> dict[str, Any]:
    """Install on the machine, or roll back there, and examine it; the document of --json."""
    from fmnist_deploy import deployment
    from fmnist_deploy.remote import connect

    with connect(goal.target, goal.ssh_options) as remote:
        board, default = deployment.identify(remote)
        prefix = goal.prefix or default
        if goal.rollback:
            installed = deployment.rollback(remote, prefix)
        else:
            content = _bundle(named or board, contents)
            warn(f"{goal.target}: installing {len(content) / 1e6:.1f} MB for {(named or board).name}")
            installed = deployment.install(remote, content, prefix, goal.service)
        results = deployment.examine(remote, prefix, warn)
    return {"target": goal.target, "board": board.name, "installed": installed, **results}


def _write_results(path: Path, document: dict[str, Any]) -> None:
    import json

    from fmnist_runtime.system.atomic import write_atomically

    write_atomically(path, (json.dumps(document, indent=1) + "\n").encode())
