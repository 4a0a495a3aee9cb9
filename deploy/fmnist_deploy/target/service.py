"""systemd units: a socket on which each connection sends raw frames and reads an answer a line.

Sources: man systemd.socket (Accept=yes), man systemd.service and systemd.exec (StandardInput=socket).
"""

import os
from pathlib import Path

NAME = "fmnist-classify"
_SOCKET = """\
[Unit]
Description=Fashion-MNIST classifier: send frames of 784 bytes, read JSON lines

[Socket]
ListenStream={socket}
SocketMode=0660
Accept=yes
MaxConnections=4

[Install]
WantedBy=sockets.target
"""
_SERVICE = """\
[Unit]
Description=Fashion-MNIST classifier, one connection

[Service]
ExecStart={prefix}/current/bin/fmnist-classify --raw --json -{model}
StandardInput=socket
StandardOutput=socket
StandardError=journal
"""


def default_folder() -> Path:
    """Where systemd looks for units: the system's for root, else the user's own."""
    if os.geteuid() == 0:
        return Path("/etc/systemd/system")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def write(folder: Path, prefix: Path, model: str | None) -> str:
    """Write both units into `folder`; the command that switches the socket on. They name `prefix`/current.

    So an upgrade or a rollback changes what the next connection gets. `model` is the file below `prefix`/current that
    answers, None for the shipped one.
    """
    root = os.geteuid() == 0
    socket = f"/run/{NAME}.socket" if root else f"%t/{NAME}.socket"
    option = f" --model {prefix}/current/{model}" if model else ""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        (f"{NAME}.socket", _SOCKET.format(socket=socket)),
        (f"{NAME}@.service", _SERVICE.format(prefix=prefix, model=option)),
    ):
        temporary = folder / f".{name}.new"
        temporary.write_text(text)
        temporary.replace(folder / name)
    control = "sudo systemctl" if root else "systemctl --user"
    return f"{control} daemon-reload && {control} enable --now {NAME}.socket"
