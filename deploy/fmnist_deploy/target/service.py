"""systemd units: a socket on which each connection sends raw frames and reads one line for each answer.

Sources: man systemd.socket (Accept=yes), man systemd.service and systemd.exec (StandardInput=socket, the sandbox), man
systemd.syntax and systemd.unit (quoting and %). docs/deployment.md tells what each limit is
for and how the service was tested.
"""

import contextlib
import os
import re
import stat
from pathlib import Path

from fmnist_deploy.target import connection
from fmnist_deploy.target.textfile import read_text, write_new

NAME = "fmnist-classify"
PROGRAM = "fmnist-classify-socket"
MODULE = connection.__name__
GROUP = "fmnist-edge"
_WRITTEN = (
    "# Written by the installer of fmnist-edge, and again by the next one. Change it with: systemctl edit {unit}\n"
)
# A line that both units of earlier releases have.
_BEFORE = "Description=Fashion-MNIST classifier"
_SOCKET = """\
[Unit]
Description=Fashion-MNIST classifier: send frames of 784 bytes, read JSON lines

[Socket]
ListenStream={socket}
SocketMode=0660
{group}Accept=yes
MaxConnections=16

[Install]
WantedBy=sockets.target
"""
_SERVICE = """\
[Unit]
Description=Fashion-MNIST classifier, one connection
CollectMode=inactive-or-failed

[Service]
ExecStart={command}
StandardInput=socket
StandardOutput=socket
StandardError=journal
Environment=PYTHONDONTWRITEBYTECODE=1
UMask=0077
LimitCORE=0
LimitNOFILE=256
LimitDATA=512M
MemoryMax=256M
TasksMax=32
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
"""
# Settings that need root or a name space: systemd's manager of a user cannot apply them.
# No ProcSubset=pid: the interpreters choose their kernels by /proc/cpuinfo.
_SYSTEM = """\
DynamicUser=yes
User={user}
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateNetwork=yes
PrivateUsers=yes
PrivateIPC=yes
IPAddressDeny=any
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
"""
_NOT_IN_PROGRAMS = set("\"'\\")
_HOMES = ("/home", "/root", "/run/user")


def default_folder() -> Path:
    """The folder of systemd's units: the system's for root, else the user's own."""
    if os.geteuid() == 0:
        return Path("/etc/systemd/system")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def objection(folder: Path, prefix: Path) -> str | None:
    """Why units for `prefix` cannot be written into `folder`, in one sentence; None where they can."""
    if set(str(prefix)) & _NOT_IN_PROGRAMS:
        return f"{prefix}: systemd runs no program whose path holds a quote or a backslash; choose another --prefix"
    for name in (f"{NAME}.socket", f"{NAME}@.service"):
        path = folder / name
        if os.path.lexists(path) and not _is_ours(path):
            return (
                f"{path}: the installer of fmnist-edge did not write that; move it away, or name a folder with --units"
            )
    return None


def write(folder: Path, prefix: Path, model: str) -> str:
    """Write both units into `folder`, and return the command that switches the socket on.

    They name `prefix`/current, so an upgrade or a rollback takes effect with the next connection. `model` is the model
    file below `prefix`/current. Raises OSError; the caller checks `objection` first.
    """
    root = os.geteuid() == 0
    units = {f"{NAME}.socket": _socket(root), f"{NAME}@.service": _service(prefix, model, root)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in units.items():
        _write(folder / name, _WRITTEN.format(unit=name) + text)
    control = "systemctl --user"
    first = ""
    if root:
        control = "sudo systemctl"
        first = f"sudo groupadd --system --force {GROUP} && "
    return f"{first}{control} daemon-reload && {control} enable --now {NAME}.socket"


def unreadable(prefix: Path) -> str | None:
    """The first folder on the way to the installed version and its Python that other users cannot enter, or None.

    The system's service runs as a user of its own.
    """
    for path in (prefix / "current" / "lib", (prefix / "current" / "bin" / "python")):
        for parent in reversed(path.resolve().parents):
            if not parent.stat().st_mode & stat.S_IXOTH:
                return str(parent)
    return None


def enabled_lines(command: str) -> list[str]:
    """Lines for a person about the units: how to switch the socket on, and who may connect."""
    lines = [f"switch the service on with: {command}"]
    if os.geteuid() == 0:
        lines.append(f"root and the group {GROUP} may connect; add a user with: sudo usermod -aG {GROUP} USER")
    return lines


def _socket(root: bool) -> str:
    socket = f"/run/{NAME}.socket" if root else f"%t/{NAME}.socket"
    return _SOCKET.format(socket=socket, group=f"SocketGroup={GROUP}\n" if root else "")


def _service(prefix: Path, model: str, root: bool) -> str:
    current = prefix / "current"
    limits = f"--frame-seconds {connection.FRAME_SECONDS:g} --idle-seconds {connection.IDLE_SECONDS:g}"
    # systemd replaces $ in arguments, but not in the path of the program.
    command = f"{_word(current / 'bin' / PROGRAM)} {limits} --model {_word(current / model).replace('$', '$$')}"
    text = _SERVICE.format(command=command)
    if root:
        # Home folders are hidden, unless the program is in one.
        python = current / "bin" / "python"
        used = {str(path) for path in (prefix, prefix.resolve(), python.resolve())}
        hidden = not any(path.startswith(f"{home}/") for path in used for home in _HOMES)
        text += _SYSTEM.format(user=NAME, home="yes" if hidden else "read-only")
    return text


def _word(text: object) -> str:
    """Printable `text` as one word of ExecStart=: quoted where necessary, with % doubled."""
    word = str(text).replace("%", "%%")
    if re.fullmatch(r"[\w@%+=:,./-]+", word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_ours(path: Path) -> bool:
    text = read_text(path)
    return text is not None and (text.startswith(_WRITTEN.partition(",")[0]) or _BEFORE in text)


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    with contextlib.ExitStack() as stack:
        write_new(temporary, text)
        stack.callback(temporary.unlink, missing_ok=True)
        temporary.replace(path)
