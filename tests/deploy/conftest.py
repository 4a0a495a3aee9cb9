"""What the tests of deployment share: fmnist-edge's built wheel, a real bundle for this machine, a real sshd."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ROOT
from ssh_server import Server

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
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 24 MB; skips where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real sshd on a free port of the loopback, with keys of its own; skips where it cannot be had."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or _install()
    folder = tmp_path_factory.mktemp("sshd")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = Server(folder, port)
    started.configure()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (folder / "sshd.log").open("w") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", folder / "sshd_config"], stderr=log)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                pytest.skip(f"sshd does not start here: {(folder / 'sshd.log').read_text()[-300:]}")
            time.sleep(0.05)
        yield started
    finally:
        process.terminate()
        process.wait(timeout=10)


def _install() -> str:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("no sshd on this machine; install openssh-server")
    # No service is started: where systemd runs, this file forbids it, and it is taken away again.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "openssh-server"]
        for words in (["apt-get", "update", "-qq"], install):
            ended = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=300, check=False)
            if ended.returncode != 0:
                pytest.skip(f"openssh-server cannot be installed here: {ended.stderr.strip()[-200:]}")
    finally:
        if ours:
            policy.unlink()
    return "/usr/sbin/sshd"
