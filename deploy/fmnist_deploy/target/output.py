"""The output of the installer: its result, or one line on standard error. No name in it controls the terminal."""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from fmnist_deploy.target import service
from fmnist_runtime.system.terminal import printable


def lines(result: dict[str, Any]) -> list[str]:
    """The result of the installer as lines of text."""
    if result.get("checked"):
        return [f"passed: intact, and fit for this machine: {result['version']} for {result['board']}"]
    current = Path(result["prefix"]) / "current"
    found = [f"{'passed: ' if 'verify' in result else ''}{current} is {result['version']}"]
    if "doctor" in result:
        found.append(f"it uses {result['doctor']['uses']}")
    found += [f"{Path(one['model']).name}: {one['reason']}" for one in result.get("verify", ())]
    if result["before"]:
        command = shlex.quote(str(current / "bin" / "fmnist-rollback"))
        found.append(f"{result['before']} is kept; go back to it with: {command}")
    found += result.get("stays", ())
    found.append(f"commands: {current}/bin")
    if "service" in result:
        found += service.enabled_lines(result["service"])
    if "service_problem" in result:
        found.append(f"to do for the service: {result['service_problem']}")
    return found


def show(text: str) -> int:
    """Print the result of what is done already, and return the exit code."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print("\n".join(map(printable, text.split("\n"))), flush=True)
    except BrokenPipeError:
        # The reader (such as `head`) is gone; nothing more may be written, not at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return fail(f"it is done, but the result cannot be printed ({error.strerror})")
    return 0


def fail(message: str, code: int = 1) -> int:
    """Print `message` as one line on standard error, and return `code`."""
    print(f"fmnist-bundle: {printable(' '.join(message.split()))}", file=sys.stderr)
    return code
