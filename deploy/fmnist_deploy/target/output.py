"""What the installer prints: its result, or one line on standard error. No name makes the terminal obey."""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from fmnist_deploy.target import service


def lines(result: dict[str, Any]) -> list[str]:
    """What the installer tells a person of `result`."""
    if result.get("checked"):
        return [f"whole, and fit for this machine: {result['version']} for {result['board']}"]
    current = Path(result["prefix"]) / "current"
    found = [f"{current} is {result['version']}"]
    if "doctor" in result:
        found.append(f"it uses {result['doctor']['uses']}")
    found += [f"{Path(one['model']).name}: {one['reason']}" for one in result.get("verify", ())]
    if result["before"]:
        command = shlex.quote(str(current / "bin" / "fmnist-rollback"))
        found.append(f"{result['before']} stays; back to it with: {command}")
    found += result.get("stays", ())
    found.append(f"commands: {current}/bin")
    if "service" in result:
        found += service.enabled_lines(result["service"])
    if "service_problem" in result:
        found.append(f"to do for the service: {result['service_problem']}")
    return found


def show(text: str) -> int:
    """Print the result of what is done already; the exit code."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print("\n".join(map(_printable, text.split("\n"))), flush=True)
    except BrokenPipeError:
        # The reader (such as `head`) has what it wanted; nothing more may be written, not at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return fail(f"it is done, but the result cannot be printed ({error.strerror})")
    return 0


def fail(message: str, code: int = 1) -> int:
    """Print `message` as one line on standard error; `code`."""
    print(f"fmnist-bundle: {_printable(' '.join(message.split()))}", file=sys.stderr)
    return code


def _printable(line: str) -> str:
    """`line` with escapes for what a terminal would obey, such as in the name of a folder that somebody made."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)
