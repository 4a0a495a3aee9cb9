"""An sshd for tests: its configuration, its keys, and how to reach it."""

import getpass
import subprocess
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
AcceptEnv PATH XDG_DATA_HOME
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
        for name in ("host", "client", "stranger"):
            generate = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name]
            subprocess.run(generate, check=True)
        (self.folder / "authorized_keys").write_bytes((self.folder / "client.pub").read_bytes())
        (self.folder / "sshd_config").write_text(_CONFIG.format(port=self.port, folder=self.folder))
        host = (self.folder / "host.pub").read_text().split()
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host[0]} {host[1]}\n")

    def options(self, key: str = "client", **changed: str) -> list[str]:
        """The options of fmnist-bundle that reach it, with the key of that name; `changed` are ssh's own."""
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
