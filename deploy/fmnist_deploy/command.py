"""fmnist-bundle: one file that carries wheels, models and installer to a board, by hand or by ssh."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist_runtime.commandline import FILE, Command, say, say_json, warn

if TYPE_CHECKING:
    from fmnist_deploy.boards import Board


@click.command("fmnist-bundle", cls=Command)
@click.argument("board", required=False)
@click.option("--model", "models", type=FILE, multiple=True, metavar="FILE", help="A .tflite with its golden file beside it, or a shipped model's name; may be repeated.  [default: all shipped]")  # noqa: E501  # fmt: skip
@click.option("--python", metavar="3.N", help="For x86-64: the Python there.  [default: 3.11, or what --to finds]")
@click.option("--wheel", type=FILE, metavar="FILE", help="fmnist-edge's wheel.  [default: made from the installed one]")
@click.option("--to", "target", metavar="USER@HOST", help="Copy it there by ssh, install, examine, verify and measure.")
@click.option(
    "--ssh-option", "ssh_options", multiple=True, metavar="NAME=VALUE", help="An option of ssh, as in ssh -o."
)
@click.option(
    "--prefix", metavar="DIR", help="With --to: the folder there.  [default: /opt for root, else ~/.local/share]"
)
@click.option("--service", is_flag=True, help="With --to: write systemd units there that answer on a socket.")
@click.option("--rollback", is_flag=True, help="With --to: switch back to the version before, and examine that.")
@click.option("--check", "checked", type=FILE, metavar="FILE", help="Make nothing: is FILE, byte for byte, a bundle as it was made?")  # noqa: E501  # fmt: skip
@click.option("-o", "--output", type=FILE, metavar="FILE", help="The bundle, or with --to the results as JSON.")
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
    """Make one file for BOARD that installs fmnist-edge with models there, without internet: sh FILE.

    BOARD is pi-bookworm-64, pi-bookworm-32, pi-trixie-64 or x86-64; with --to it may be left out, the machine is asked.
    The file checks every byte of itself first, needs only the system's Python, installs beside the version before and
    switches when the new one has answered rightly. sh FILE --help tells its options, --rollback and --service among
    them.
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
    if target is None:
        if named is None:
            raise click.UsageError(f"name a board ({', '.join(boards.BOARDS)}), or a machine with --to")
        if rollback or service or prefix or ssh_options:
            raise click.UsageError("--rollback, --service, --prefix and --ssh-option go with --to")
        return _make(named, list(models), wheel, output, as_json)
    if rollback and (board or models or wheel or service):
        raise click.UsageError("--rollback installs nothing; give --to, --prefix and --ssh-option only")
    return _deploy(target, ssh_options, prefix, rollback, service, named, list(models), wheel, output, as_json)


def _check(path: Path, as_json: bool) -> int:
    from fmnist_deploy.target import archive
    from fmnist_runtime.errors import FmnistError

    try:
        whole = archive.read(path)
    except archive.ArchiveError as error:
        raise FmnistError(str(error)) from error
    board, models = str(whole.manifest["board"]), [Path(name).name for name in whole.manifest["models"]]
    if as_json:
        document = {"path": str(path), "board": board, "version": whole.version, "models": models, "checked": True}
        say_json(document, indent=1)
    else:
        say(f"passed: {path} is intact: {whole.version} for {board} with {', '.join(models) or 'no model'}")
    return 0


def _version(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"3\.(\d+)", text)
    if not found:
        raise click.UsageError(f"--python is {text!r}, expected a version such as 3.11")
    return 3, int(found[1])


def _make(board: "Board", models: list[Path], wheel: Path | None, output: Path | None, as_json: bool) -> int:
    import fmnist_runtime
    from fmnist_runtime.system.atomic import write_atomically
    from fmnist_runtime.system.digests import sha256

    content = _bundle(board, models, wheel)
    path = output or Path(f"fmnist-edge-{fmnist_runtime.__version__}-{board.name}.run")
    write_atomically(path, content)
    digest = sha256(content)
    if as_json:
        say_json({"path": str(path), "board": board.name, "bytes": len(content), "sha256": digest}, indent=1)
    else:
        say(f"{path}: {len(content) / 1e6:.1f} MB for {board.boards}, SHA-256 {digest}")
        say(f"copy it there and run: {_run_command(path.name, digest)}")
    return 0


def _run_command(name: str, digest: str) -> str:
    """The shell command that runs the bundle `name` in the current folder, if it is intact.

    The file checks itself, except for an empty one, which a shell takes for a script that does nothing.
    """
    import shlex

    # The way in which sha256sum writes a name that does not fit into a line.
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    line = f"{'' if escaped == name else chr(92)}{digest}  {escaped}"
    return f"printf '%s\\n' {shlex.quote(line)} | sha256sum -c && sh {shlex.quote(f'./{name}')}"


def _bundle(board: "Board", models: list[Path], wheel: Path | None) -> bytes:
    from fmnist_deploy import bundle

    found = bundle.read_models(models)
    for model in found:
        if board.runtime not in model.proved_on:
            warn(
                f"{model.name}: not proved on {board.runtime}, the runtime of {board.name}; export it with --target all"
            )
    return bundle.make(board, found, wheel)


def _deploy(
    target: str,
    options: tuple[str, ...],
    prefix: str | None,
    rollback: bool,
    service: bool,
    named: "Board | None",
    models: list[Path],
    wheel: Path | None,
    output: Path | None,
    as_json: bool,
) -> int:
    import json

    from fmnist_deploy import deployment
    from fmnist_deploy.remote import connect
    from fmnist_runtime.system.atomic import write_atomically

    with connect(target, options) as remote:
        found, default = deployment.identify(remote)
        place = prefix or default
        if rollback:
            installed = deployment.rollback(remote, place)
        else:
            content = _bundle(named or found, models, wheel)
            warn(f"{target}: installing {len(content) / 1e6:.1f} MB for {(named or found).name}")
            installed = deployment.install(remote, content, place, service)
        results = deployment.examine(remote, place, warn)
    document = {"target": target, "board": found.name, "installed": installed, **results}
    if output:
        write_atomically(output, (json.dumps(document, indent=1) + "\n").encode())
    if as_json:
        say_json(document, indent=1)
    else:
        say("\n".join(_summary(document)))
    if not document["passed"]:
        warn(f"fmnist-bundle: {target}: fmnist-doctor or fmnist-verify fails there; go back with --rollback")
    return int(not document["passed"])


def _summary(document: dict[str, Any]) -> list[str]:
    installed, doctor = document["installed"], document["doctor"]
    board = doctor.get("board", {})
    lines = [
        f"{document['target']}: {board.get('name') or board.get('cpu') or document['board']}, {doctor.get('uses')}",
        f"{installed['prefix']}/current is {installed['version']}, before it was {installed['before'] or 'nothing'}",
    ]
    lines += [
        f"{Path(str(one.get('model'))).name}: {one.get('reason') or one.get('error')}" for one in document["verify"]
    ]
    benchmark = document["benchmark"] or {}
    for one in benchmark.get("results", []):
        lines.append(
            f"{Path(one['model']).name} on {one['runtime']} {one['version']}, {one['threads']} threads: "
            f"classify {one['classify_us']['p50']:.0f} us at the median, {one['classify_us']['p99']:.0f} at p99"
        )
    if "error" in benchmark:
        lines.append(f"fmnist-benchmark failed there: {benchmark['error']}")
    lines += installed.get("stays", ())
    if "service" in installed:
        lines.append(f"switch the service on there with: {installed['service']}")
    if "service_problem" in installed:
        lines.append(f"to do for the service: {installed['service_problem']}")
    lines += [f"to do: {sentence}" for sentence in doctor.get("to_do", [])]
    return [*lines, _verdict(document)]


def _verdict(document: dict[str, Any]) -> str:
    """The last line: whether the machine passed, first, and what was checked there."""
    names = ["fmnist-doctor", *(f"fmnist-verify {Path(str(one.get('model'))).name}" for one in document["verify"])]
    passes = [bool(document["doctor"].get("works")), *(bool(one.get("passed")) for one in document["verify"])]
    failed = [name for name, has_passed in zip(names, passes, strict=True) if not has_passed]
    if document["passed"]:
        return f"passed: fmnist-doctor and fmnist-verify of {len(names) - 1} models on {document['target']}"
    return f"FAILED: {', '.join(failed)} on {document['target']}"
