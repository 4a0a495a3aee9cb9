"""What fmnist-bundle prints for people: the results from a machine, and the command that installs a bundle."""

import shlex
from pathlib import Path
from typing import Any


def lines(document: dict[str, Any]) -> list[str]:
    """The results of fmnist-bundle --to, its JSON document, as lines for people; the last one is the verdict."""
    installed, doctor = document["installed"], document["doctor"]
    board = doctor.get("board", {})
    text = [
        f"{document['target']}: {board.get('name') or board.get('cpu') or document['board']}, {doctor.get('uses')}",
        f"{installed['prefix']}/current is {installed['version']}, before it was {installed['before'] or 'nothing'}",
    ]
    text += [
        f"{Path(str(one.get('model'))).name}: {one.get('reason') or one.get('error')}" for one in document["verify"]
    ]
    benchmark = document["benchmark"] or {}
    for one in benchmark.get("results", []):
        text.append(
            f"{Path(one['model']).name} on {one['runtime']} {one['version']}, {one['threads']} threads: "
            f"classify {one['classify_us']['p50']:.0f} us at the median, {one['classify_us']['p99']:.0f} at p99"
        )
    if "error" in benchmark:
        text.append(f"fmnist-benchmark failed there: {benchmark['error']}")
    text += installed.get("stays", ())
    if "service" in installed:
        text.append(f"switch the service on there with: {installed['service']}")
    if "service_problem" in installed:
        text.append(f"to do for the service: {installed['service_problem']}")
    text += [f"to do: {sentence}" for sentence in doctor.get("to_do", [])]
    return [*text, _verdict(document)]


def run_command(name: str, digest: str) -> str:
    """The shell command that checks the SHA-256 of the bundle `name` in the working directory and then runs it.

    The bundle checks itself too, but an empty copy can't: a shell takes it for a script that does nothing.
    """
    # How sha256sum writes a name that does not fit into a line.
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    line = f"{'' if escaped == name else chr(92)}{digest}  {escaped}"
    return f"printf '%s\\n' {shlex.quote(line)} | sha256sum -c && sh {shlex.quote(f'./{name}')}"


def _verdict(document: dict[str, Any]) -> str:
    """The last line: first whether the machine passed, then what was checked there."""
    names = ["fmnist-doctor", *(f"fmnist-verify {Path(str(one.get('model'))).name}" for one in document["verify"])]
    passes = [bool(document["doctor"].get("works")), *(bool(one.get("passed")) for one in document["verify"])]
    failed = [name for name, has_passed in zip(names, passes, strict=True) if not has_passed]
    if document["passed"]:
        return f"passed: fmnist-doctor and fmnist-verify of {len(names) - 1} models on {document['target']}"
    return f"failed: {', '.join(failed)} on {document['target']}"
