"""An sshd for tests: its configuration, its keys, and how to reach it."""

import getpass
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile {folder}/pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 100
"""


@dataclass(frozen=True)
class Server:
    """The folder of configuration and keys, and the port."""

    folder: Path
    port: int

    @property
    def target(self) -> str:
        """USER@HOST."""
        return f"{getpass.getuser()}@127.0.0.1"

    def configure(self) -> None:
        """Write configuration and keys."""
        for name in ("host", "client", "bare", "stranger"):
            generate = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name]
            subprocess.run(generate, check=True)
        # A shell's own start files would change the PATH, so it is set behind them, by the key that logs in.
        paths = {"client": f"{Path(sys._base_executable).parent}:/usr/bin:/bin", "bare": "/nowhere"}
        lines = [
            f'command="exec env PATH={path} /bin/sh -c \\"$SSH_ORIGINAL_COMMAND\\"" '
            + (self.folder / f"{key}.pub").read_text()
            for key, path in paths.items()
        ]
        (self.folder / "authorized_keys").write_text("".join(lines))
        (self.folder / "sshd_config").write_text(_CONFIG.format(port=self.port, folder=self.folder))
        host = (self.folder / "host.pub").read_text().split()
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host[0]} {host[1]}\n")

    def options(self, key: str = "client", **changed: str) -> list[str]:
        """The options of fmnist-bundle that reach it; `changed` are ssh's own.

        With the key "client" python3 is the one that runs the tests, with "bare" there is none, "stranger" is refused.
        """
        values = {
            "Port": str(self.port),
            "IdentityFile": str(self.folder / key),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            **changed,
        }
        return [word for name, value in values.items() for word in ("--ssh-option", f"{name}={value}")]
