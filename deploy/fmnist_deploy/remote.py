"""A machine that is reached by ssh: commands run and files are copied over one connection.

The system's ssh is used, with its configuration, keys, agent and questions on the terminal. All commands share one
connection (ControlMaster), so a password is asked for once.
"""

import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fmnist_runtime.errors import FmnistError

_SECONDS = 900
# Messages of ssh, each with its way out. Source: OpenSSH's client.
_WAYS_OUT = (
    (
        "Permission denied",
        "wrong user, password or key; try: ssh {target}, or put your key there: ssh-copy-id {target}",
    ),
    ("Too many authentication failures", "ssh offers too many keys; name one: --ssh-option IdentityFile=FILE"),
    ("Host key verification failed", "its key is unknown or has changed; run once and compare: ssh {target}"),
    ("Could not resolve hostname", "no machine has that name here; try its address, or NAME.local"),
    ("Connection refused", "nothing answers on its ssh port; on the board run: sudo systemctl enable --now ssh"),
    ("timed out", "it does not answer; check that it is switched on and in this network"),
    ("No route to host", "it does not answer; check that it is switched on and in this network"),
)


@dataclass(frozen=True)
class Remote:
    """A machine with an open connection. `target` is ssh's name for it, USER@HOST."""

    target: str
    ssh: tuple[str, ...]

    def run(self, command: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        """Run the shell `command` there. Raises FmnistError where the connection fails."""
        try:
            ended = subprocess.run(
                [*self.ssh, self.target, command], input=stdin, capture_output=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise FmnistError(f"{self.target}: the command there did not end within {_SECONDS} s; try again") from error
        if ended.returncode == 255:
            raise FmnistError(_connection_failure(self.target, ended.stderr.decode("utf-8", "replace")))
        return ended

    def output(self, command: str, failure: str, stdin: bytes = b"") -> str:
        """The output of the shell `command` there. Raises FmnistError, with `failure` and its last line, on failure."""
        ended = self.run(command, stdin)
        if ended.returncode != 0:
            raise FmnistError(f"{self.target}: {failure}: {last_line(ended.stderr) or f'exit code {ended.returncode}'}")
        return ended.stdout.decode("utf-8", "replace")


@contextmanager
def connect(target: str, options: tuple[str, ...] = ()) -> Iterator[Remote]:
    """Connect to `target`; `options` are ssh's own, NAME=VALUE. Raises FmnistError where that fails."""
    if target.startswith("-") or not target or any(character.isspace() for character in target):
        raise FmnistError(f"{target!r} is not USER@HOST; give such as pi@raspberrypi.local")
    # In /tmp, whose name is short: a socket's path has at most 104 bytes.
    with tempfile.TemporaryDirectory(prefix="fmnist-ssh-", dir="/tmp") as folder:
        shared = ("ControlMaster=auto", f"ControlPath={folder}/socket", "ControlPersist=60")
        words = ("ConnectTimeout=10", "ServerAliveInterval=15", *shared, *options)
        ssh = ("ssh", *(word for option in words for word in ("-o", option)))
        remote = Remote(target, ssh)
        try:
            remote.output("true", "it gives no shell")
            yield remote
        except FileNotFoundError as error:
            raise FmnistError("there is no ssh on this machine; run: sudo apt install openssh-client") from error
        finally:
            _close(remote)


def last_line(output: bytes) -> str:
    """The last line of `output` that is not blank."""
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def shell_command(*words: object) -> str:
    """`words` as one shell command, quoted."""
    return shlex.join(map(str, words))


def _close(remote: Remote) -> None:
    try:
        subprocess.run([*remote.ssh, "-O", "exit", remote.target], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return


def _connection_failure(target: str, output: str) -> str:
    for words, way_out in _WAYS_OUT:
        if words in output:
            return f"{target}: {words}; {way_out.format(target=shlex.quote(target))}"
    return f"{target}: ssh failed ({last_line(output.encode()) or 'no reason given'}); try: ssh {shlex.quote(target)}"
