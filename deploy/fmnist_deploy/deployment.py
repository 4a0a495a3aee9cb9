"""Deployment by ssh: copy a bundle to a board, install it, examine, verify and measure it, and return the results."""

import json
from collections.abc import Callable
from typing import Any

from fmnist_deploy.boards import Board, for_system
from fmnist_deploy.remote import Remote, last_line, shell_command
from fmnist_runtime.errors import FmnistError, Interruption
from fmnist_runtime.system.digests import sha256

# Prints what the system is, in the language of every Python 3.
_PROBE = (
    "import json, os, platform, struct, sys; "
    "home = os.environ.get('XDG_DATA_HOME') or os.path.expanduser('~/.local/share'); "
    "print(json.dumps([list(sys.version_info[:2]), platform.machine(), struct.calcsize('P') * 8, "
    "'/opt/fmnist-edge' if os.geteuid() == 0 else home + '/fmnist-edge']))"
)
Say = Callable[[str], None]
# After its switch an installer goes on to its end, which takes a second or two.
_STOP = """\
[ -s {pid} ] || exit 0
read -r process <{pid}
kill -INT "$process" 2>/dev/null
for second in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 "$process" 2>/dev/null || exit 0
    sleep 1
done"""


def identify(remote: Remote) -> tuple[Board, str]:
    """The board that `remote` is, by its python3, and the default folder of fmnist-edge there.

    Raises FmnistError where it has no Python, one that is too old, or no interpreter.
    """
    ended = remote.run(shell_command("python3", "-c", _PROBE))
    if ended.returncode == 127:
        raise FmnistError(f"{remote.target}: there is no python3; run there: sudo apt install python3")
    try:
        python, machine, bits, prefix = json.loads(ended.stdout.splitlines()[-1])
    except (ValueError, IndexError) as error:
        reason = last_line(ended.stderr) or last_line(ended.stdout)
        raise FmnistError(f"{remote.target}: its python3 does not start ({reason}); mend that first") from error
    try:
        return for_system((int(python[0]), int(python[1])), machine, bits), prefix
    except FmnistError as error:
        raise FmnistError(f"{remote.target}: {error}") from error


def install(remote: Remote, bundle: bytes, prefix: str, service: bool) -> dict[str, Any]:
    """Copy the bundle to `prefix` there, run it, and return the result of its installer.

    The copy is removed, and Ctrl-C stops the installer there too (raises Interruption). Raises FmnistError with the
    installer's own line where it refuses.
    """
    # On the disk of the installation, not in /tmp, which is memory on a Pi.
    make = f"mkdir -p {shell_command(prefix)} && mktemp -d {shell_command(prefix)}/.incoming-XXXXXX"
    folder = remote.output(make, "cannot make a folder there").strip()
    path, pid = f"{folder}/bundle.run", f"{folder}/pid"
    try:
        remote.output(
            f"cat >{shell_command(path)}", "the copy failed, free some space there or choose --prefix", bundle
        )
        found = remote.output(shell_command("sha256sum", path), "the copy cannot be read").split()[0]
        if found != sha256(bundle):
            raise FmnistError(
                f"{remote.target}: the copy is damaged (SHA-256 {found[:12]}…); nothing was installed, try again"
            )
        words = ["sh", path, "--json", "--prefix", prefix, *(["--service"] if service else [])]
        return _run_installer(remote, f"echo $$ >{shell_command(pid)} && exec {shell_command(*words)}")
    except KeyboardInterrupt:
        # The program there does not notice that nobody waits for it any more.
        remote.run(_STOP.format(pid=shell_command(pid)))
        raise Interruption(f"{remote.target}: interrupted; the installer there was stopped, the copy removed") from None
    finally:
        remote.run(shell_command("rm", "-rf", folder))


def rollback(remote: Remote, prefix: str) -> dict[str, Any]:
    """Switch back to the previous version, and return the result of the installer there."""
    command = f"{prefix}/current/bin/fmnist-rollback"
    if remote.run(shell_command("test", "-x", command)).returncode != 0:
        raise FmnistError(f"{remote.target}: nothing is installed in {prefix}; name the folder with --prefix")
    return _run_installer(remote, shell_command(command, "--json"))


def examine(remote: Remote, prefix: str, say: Say) -> dict[str, Any]:
    """The JSON of fmnist-doctor, fmnist-verify and fmnist-benchmark of the current version there.

    `passed` is whether the first two pass. A version without fmnist-benchmark has None, and `say` gets a line.
    """
    current = f"{prefix}/current"
    listed = remote.output(f"ls {shell_command(current)}/models/*.tflite", "no model is installed there").split("\n")
    models = [line for line in listed if line]
    doctor = _read_json(remote, shell_command(f"{current}/bin/fmnist-doctor", "--json"))
    verified = [_read_json(remote, shell_command(f"{current}/bin/fmnist-verify", model, "--json")) for model in models]
    benchmark = None
    if remote.run(shell_command("test", "-x", f"{current}/bin/fmnist-benchmark")).returncode == 0:
        benchmark = _read_json(remote, shell_command(f"{current}/bin/fmnist-benchmark", *models, "--json"))
    else:
        say(f"{remote.target}: the version there has no fmnist-benchmark; nothing was measured")
    passed = bool(doctor.get("works")) and all(result.get("passed") for result in verified)
    return {"doctor": doctor, "verify": verified, "benchmark": benchmark, "passed": passed}


def _run_installer(remote: Remote, command: str) -> dict[str, Any]:
    ended = remote.run(command)
    if ended.returncode != 0:
        line = last_line(ended.stderr)
        # The installer's own name is in front of its line.
        line = line.removeprefix("fmnist-bundle: ")
        raise FmnistError(f"{remote.target}: {line or f'the installer ended with {ended.returncode}'}")
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return result


def _read_json(remote: Remote, command: str) -> dict[str, Any]:
    """The JSON that a command prints; where it prints none, a document with its exit code and last line."""
    ended = remote.run(command)
    try:
        document: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        return {"exit_code": ended.returncode, "error": last_line(ended.stderr)}
    return document
