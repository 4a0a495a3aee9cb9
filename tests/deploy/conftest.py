"""What the tests of deployment share: fmnist-edge's built wheel, a real bundle for this machine, a real sshd."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import machine
import pytest
from helpers import ROOT
from ssh_server import Server
from waiting import wait_until

from fmnist_deploy import boards, bundle, wheels


@pytest.fixture(scope="session")
def wheel() -> Path:
    """fmnist-edge's wheel as `make test` builds it."""
    found = sorted((ROOT / "build" / "wheel").glob("*.whl"))
    if not found:
        pytest.fail("no build/wheel: run the tests with `make test`, or make base-environment first")
    return found[0]


@pytest.fixture(scope="session")
def here() -> boards.Board:
    """This machine as a board."""
    if not sys.version_info[:2] <= (3, 13) or os.uname().machine != "x86_64":
        pytest.skip("bundles are tested on x86-64")
    return boards.find("x86-64", sys.version_info[:2])


@pytest.fixture(scope="session")
def wheelhouse(here: boards.Board, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a command whose pip takes this machine's wheels from a folder, downloaded once."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    wheels.download(here, folder)
    return {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


@pytest.fixture(scope="session")
def bundle_file(
    here: boards.Board, wheel: Path, wheelhouse: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A bundle for this machine with the shipped model."""
    path = tmp_path_factory.mktemp("bundle") / "fmnist-edge.run"
    downloaded = sorted(Path(wheelhouse["PIP_FIND_LINKS"]).glob("*.whl"))
    contents = {f"wheels/{one.name}": one.read_bytes() for one in (wheel, *downloaded)}
    path.write_bytes(bundle.pack(here, bundle.read_models([]), contents))
    return path


@pytest.fixture(scope="session")
def empty_bundle(here: boards.Board) -> bytes:
    """A bundle without a wheel, small enough to be cut off at many bytes."""
    return bundle.pack(here, [], {})


@pytest.fixture
def small_disk() -> Path:
    """An empty file system of 24 MB, which .ci/run mounts; skips elsewhere."""
    return machine.small_disk()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real sshd on a free port of the loopback, with keys of its own; skips where it is missing."""
    program = machine.program("sshd", package="openssh-server")
    if os.geteuid() == 0 and not Path("/run/sshd").exists():
        pytest.skip("sshd needs the folder /run/sshd when root starts it; run: mkdir -m 755 /run/sshd (.ci/run does)")
    folder = tmp_path_factory.mktemp("sshd")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = Server(folder, port)
    started.configure()
    with (folder / "sshd.log").open("w") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", folder / "sshd_config"], stderr=log)
    try:
        wait_until(lambda: _answers(port) or process.poll() is not None, "sshd answers")
        if process.poll() is not None:
            pytest.skip(f"sshd does not start here: {(folder / 'sshd.log').read_text()[-300:]}")
        yield started
    finally:
        process.terminate()
        process.wait(timeout=10)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
