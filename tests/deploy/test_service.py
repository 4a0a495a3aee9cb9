"""The socket service: its sandbox, and clients that stall; real sockets and, where it can be had, a real systemd."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import machine
import pytest
import systemd
from bundles import install, other_bundle
from helpers import assert_fails
from waiting import HANG_SECONDS, wait_until

from fmnist_deploy.target import connection, service
from fmnist_runtime.sources import frames

_FRAME = bytes(784)
_HOSTILE = "a%h$HOME;b&c"
_HOSTILE_MODEL = "models/-a%h $HOME'b\"c\\d.tflite"
# What a client runs that asks for an answer, and what others do meanwhile; run in the name space of the systemd too.
_CLIENTS = """\
import json, socket, sys, time
def connect():
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(120)
    client.connect(sys.argv[1])
    return client
stalled = [connect() for _ in range(8)]
for client in stalled[int(sys.argv[2]):]:
    client.sendall(b"x")
begun = time.monotonic()
client = connect()
client.sendall(bytes(1568))
client.shutdown(socket.SHUT_WR)
answers = client.makefile("rb").read().splitlines()
seconds = time.monotonic() - begun
ends = []
for client in stalled:
    assert client.recv(1) == b""
    ends.append(time.monotonic() - begun)
print(json.dumps({"answers": [json.loads(line)["index"] for line in answers], "seconds": seconds, "ends": ends}))
"""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as root writes them, for a prefix that does not exist."""
    folder = tmp_path / "units"
    folder.mkdir()
    (folder / "fmnist-classify.socket").write_text(service._socket(root=True))
    text = service._service(Path("/opt/fmnist-edge"), "models/cnn-micro-int8.tflite", root=True)
    (folder / "fmnist-classify@.service").write_text(text)
    return folder


@contextmanager
def listening(path: Path, *options: object) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """A socket that starts the program for each client, and refuses those beyond MaxConnections=, as systemd does."""
    most = int(re.search(r"^MaxConnections=(\d+)$", service._SOCKET, re.MULTILINE)[1])
    words = [sys.executable, "-c", "import sys; from fmnist_deploy.target.connection import main; sys.exit(main())"]
    children: list[subprocess.Popen[bytes]] = []

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                if sum(child.poll() is None for child in children) < most:
                    command = [*words, *map(str, options)]
                    children.append(subprocess.Popen(command, stdin=client, stdout=client, stderr=subprocess.PIPE))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(32)
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        try:
            yield children
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for child in children:
                child.kill()
                child.wait()
                child.stderr.close()


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(HANG_SECONDS)
    client.connect(str(path))
    return client


def test_the_frame_has_the_same_size_as_in_the_reader() -> None:
    assert connection.FRAME_BYTES == frames.FRAME_BYTES


@pytest.mark.slow
def test_eight_stalled_clients_do_not_keep_another_from_its_answers(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with listening(path, "--frame-seconds", 10, "--idle-seconds", 12, "--model", "mlp") as children:
        words = [sys.executable, "-c", _CLIENTS, path, "2"]
        result = json.loads(subprocess.run(words, capture_output=True, text=True, timeout=300, check=True).stdout)
        assert len(result["answers"]) == 2
        assert result["seconds"] < min(result["ends"]), "it was answered before the first of the others was closed"
        assert min(result["ends"]) > 5, "a client that is merely slow is not closed at once"
        said = [child.communicate()[1].decode() for child in children[:8]]
        line = "fmnist-classify: the client sent 1 bytes of a frame in 10 s, expected 784; closed\n"
        assert said == [""] * 2 + [line] * 6
        assert [child.returncode for child in children[:8]] == [0] * 2 + [1] * 6


def test_a_client_that_sends_a_byte_a_second_is_closed_in_time(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with listening(path, "--frame-seconds", 2, "--idle-seconds", 1000, "--model", "mlp") as children:
        with connect(path) as client:
            # The first frame is whole, the second drips.
            client.sendall(_FRAME)
            assert json.loads(client.recv(4096))["item"] == 0
            begun = time.monotonic()
            while children[0].poll() is None and time.monotonic() < begun + HANG_SECONDS:
                with contextlib.suppress(OSError):
                    client.sendall(b"x")
                time.sleep(0.2)
            assert 1.5 < time.monotonic() - begun < HANG_SECONDS
        _, said = children[0].communicate()
        assert re.search(r"the client sent \d+ bytes of a frame in 2 s, expected 784; closed", said.decode())


@pytest.mark.slow
def test_a_client_that_is_idle_between_frames_is_closed_without_an_error(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with listening(path, "--frame-seconds", 1, "--idle-seconds", 8, "--model", "mlp") as children:
        with connect(path) as client:
            for item in range(3):
                client.sendall(_FRAME)
                assert json.loads(client.recv(4096))["item"] == item
                time.sleep(1.2)  # longer than a frame may take: between frames the other limit counts
            assert client.recv(1) == b""
        assert children[0].wait(HANG_SECONDS) == 0
        assert children[0].communicate()[1] == b""


def test_a_client_that_takes_no_answers_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with listening(path, "--frame-seconds", 1, "--idle-seconds", 1000, "--model", "mlp") as children:
        with connect(path) as client:
            client.settimeout(0.2)
            end = time.monotonic() + HANG_SECONDS
            while children == [] or (children[0].poll() is None and time.monotonic() < end):
                with contextlib.suppress(OSError):
                    client.sendall(_FRAME * 8)
            assert children[0].wait(HANG_SECONDS) == 1
        said = children[0].communicate()[1].decode()
        assert "fmnist-classify: the client took no answer for 1 s; closed" in said
        assert "Traceback" not in said
        assert "Exception ignored" not in said


def test_a_client_that_sends_in_pieces_gets_the_answers_of_fmnist_classify(tmp_path: Path) -> None:
    """The protocol is that of --raw: any pieces, all frames, the end of the stream, half a frame at the end."""
    path, content = tmp_path / "socket", os.urandom(784 * 40)
    code = "from fmnist_runtime.commands.classify import main; main()"
    words = [sys.executable, "-c", code, "--raw", "--json", "--model", "mlp", "-"]
    expected = subprocess.run(words, input=content, capture_output=True, check=True).stdout
    with listening(path, "--model", "mlp") as children:
        with connect(path) as client, client.makefile("rb") as answers:
            sent = 0
            while sent < len(content):
                sent += client.send(content[sent : sent + 1 + sent % 1999])
            client.shutdown(socket.SHUT_WR)
            assert answers.read() == expected
        assert children[0].wait(HANG_SECONDS) == 0
        with connect(path) as client, client.makefile("rb") as answers:
            client.sendall(_FRAME + b"x" * 100)
            client.shutdown(socket.SHUT_WR)
            assert len(answers.read().splitlines()) == 1
        assert children[1].wait(HANG_SECONDS) == 1
        assert b"100 bytes after 1 whole frames, expected 784 a frame" in children[1].communicate()[1]
        connect(path).close()
        wait_until(lambda: len(children) == 3, "the third client is accepted")
        assert children[2].wait(HANG_SECONDS) == 0, "a client that says nothing and leaves is no error"


def test_the_service_has_the_sandbox_settings(units: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("no systemd-analyze on this machine; install systemd")
    words = [analyze, "security", "--offline=true", "--no-pager", "--threshold=10", units / "fmnist-classify@.service"]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    level = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", result.stdout)[1])
    # docs/deployment.md states 0.2, by systemd 252; a later one may look at more.
    assert level <= 1.0, result.stdout


@pytest.mark.host
@pytest.mark.parametrize("root", [True, False], ids=["system", "user"])
def test_every_line_of_the_units_is_known_to_systemd(root: bool, tmp_path: Path) -> None:
    """Also with a prefix and a model whose names hold what systemd replaces: the program is looked for and found."""
    analyze = machine.program("systemd-analyze", package="systemd")
    prefix, folder = tmp_path / _HOSTILE, tmp_path / "units"
    folder.mkdir()
    program = prefix / "current" / "bin" / service.PROGRAM
    program.parent.mkdir(parents=True)
    program.symlink_to("/bin/true")
    (folder / "fmnist-classify.socket").write_text(service._socket(root))
    (folder / "fmnist-classify@.service").write_text(service._service(prefix, _HOSTILE_MODEL, root))
    words = [analyze, *([] if root else ["--user"]), "verify", *folder.iterdir()]
    run = {"env": {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}, "capture_output": True, "text": True}
    verified = subprocess.run(words, check=False, **run)
    said = [line for line in verified.stderr.splitlines() if "fmnist-classify" in line or str(tmp_path) in line]
    assert said == []
    program.unlink()
    verified = subprocess.run(words, check=False, **run)
    assert f"Command {program} is not executable" in verified.stderr, "the check above looks at that very file"


def test_foreign_units_are_not_overwritten(bundle_file: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    for number, make in enumerate(
        (
            lambda path: path.write_text("[Service]\nExecStart=/usr/bin/mine\n"),
            lambda path: path.symlink_to("/dev/null"),  # as `systemctl mask` does
            lambda path: path.mkdir(),
        )
    ):
        units = tmp_path / str(number)
        units.mkdir()
        path = units / "fmnist-classify@.service"
        make(path)
        found = path.lstat().st_ino, path.lstat().st_mtime_ns
        result = install(bundle_file, prefix, "--service", "--units", units)
        assert_fails(result, 1, str(path), "did not write that", "--units", "nothing was changed")
        assert (path.lstat().st_ino, path.lstat().st_mtime_ns) == found
        assert not prefix.exists()
        assert [one.name for one in units.iterdir()] == [path.name]
    # Those of a release before are replaced.
    units = tmp_path / "before"
    units.mkdir()
    (units / "fmnist-classify.socket").write_text("[Unit]\nDescription=Fashion-MNIST classifier: send frames\n")
    assert service.objection(units, prefix) is None
    service.write(units, prefix, "models/x")
    assert "SocketMode=0660" in (units / "fmnist-classify.socket").read_text()
    assert sorted(path.name for path in units.iterdir()) == ["fmnist-classify.socket", "fmnist-classify@.service"]


def test_a_home_is_hidden_from_the_service_unless_it_runs_from_there(tmp_path: Path) -> None:
    text = service._service(Path("/opt/fmnist-edge"), "models/x", root=True)
    assert "\nProtectHome=yes\n" in text
    text = service._service(Path("/home/pi/fmnist-edge"), "models/x", root=True)
    assert "\nProtectHome=read-only\n" in text
    (tmp_path / "current" / "bin").mkdir(parents=True)
    (tmp_path / "current" / "bin" / "python").symlink_to("/root/.pyenv/versions/3.11.7/bin/python")
    assert "\nProtectHome=read-only\n" in service._service(tmp_path, "models/x", root=True)


def test_a_prefix_that_the_service_cannot_read_is_reported(tmp_path: Path) -> None:
    (tmp_path / "closed" / "prefix" / "current" / "lib").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert service.unreadable(tmp_path / "closed" / "prefix") in {str(one) for one in (tmp_path / "closed").parents} | {
        str(tmp_path / "closed")
    }


@pytest.mark.host
def test_a_real_systemd_runs_it_as_a_user_of_its_own(bundle_file: Path, here: object, tmp_path: Path) -> None:
    """As docs/deployment.md says, from a prefix with a hostile name, with the command that the installer prints."""
    version = ".".join(map(str, sys.version_info[:2]))
    if not Path(f"/usr/bin/python{version}").exists():
        pytest.skip(f"no Python {version} of the system's, which the service's own user could run")
    path = other_bundle(bundle_file, tmp_path / f"{Path(_HOSTILE_MODEL).stem}.run")
    with systemd.started() as host:
        prefix = f"/opt/{_HOSTILE}"
        result = host.run("sh", path, "--prefix", prefix, "--service", "--units", "/run/systemd/system", "--no-compile")
        assert result.returncode == 0, result.stderr
        assert "to do for the service" not in result.stdout
        command = re.search(r"^switch the service on with: (.*)$", result.stdout, re.MULTILINE)[1]
        # It stays switched on for the next start of a machine, which this one has not.
        command = command.replace("sudo ", "").replace("enable --now", "start")
        result = host.run("sh", "-c", command)
        assert result.returncode == 0, result.stderr
        stated = host.run("stat", "-c", "%U %G %a", "/run/fmnist-classify.socket").stdout
        assert stated == "root fmnist-edge 660\n"
        script = tmp_path / "clients.py"
        script.write_text(_CLIENTS)
        watched = (
            "import socket, subprocess; client = socket.socket(socket.AF_UNIX); "
            "client.connect('/run/fmnist-classify.socket'); client.sendall(bytes(784)); client.recv(9); "
            "print(subprocess.check_output(['ps', '-eo', 'user:20,args'], text=True))"
        )
        processes = host.run("/usr/bin/python3", "-c", watched).stdout.splitlines()
        (owner,) = (line.split()[0] for line in processes if service.PROGRAM in line and "-c" not in line.split())
        assert owner == "fmnist-classify"
        result = host.run("/usr/bin/python3", script, "/run/fmnist-classify.socket", "0")
        assert result.returncode == 0, result.stderr
        found = json.loads(result.stdout)
        assert len(found["answers"]) == 2
        assert found["seconds"] < min(found["ends"]), "it was answered before the first of the others was closed"
        assert host.run("systemctl", "list-units", "--failed", "--no-legend", "fmnist*").stdout == ""
