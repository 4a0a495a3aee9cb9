"""fmnist-bundle --to against a real sshd on the loopback."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from helpers import BIN, assert_fails, run_command
from interruption import interrupt
from ssh_server import Server

from fmnist_deploy import deployment, remote
from fmnist_deploy.boards import Board
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.model import shipped

pytestmark = pytest.mark.host


def deploy(server: Server, *arguments: object, key: str = "client", env: dict[str, str] | None = None, **options: str):
    variables = {**os.environ, **(env or {})}
    return run_command(
        "fmnist-bundle", "--to", server.target, *server.options(key, **options), *arguments, env=variables
    )


def test_a_deployment_installs_verifies_measures_and_rolls_back(
    server: Server, wheel: Path, wheelhouse: dict[str, str], tmp_path: Path
) -> None:
    prefix = tmp_path / "prefix"
    to = ("--wheel", wheel, "--prefix", prefix)
    result = deploy(server, *to, "--json", "-o", tmp_path / "results.json", env=wheelhouse)
    assert result.returncode == 0, result.stderr
    first = json.loads(result.stdout)
    assert json.loads((tmp_path / "results.json").read_text()) == first
    assert first["board"] == "x86-64"
    assert first["doctor"]["works"] is True
    assert [one["passed"] for one in first["verify"]] == [True] * len(shipped.SHIPPED)
    assert first["installed"]["before"] is None
    if first["benchmark"] is None:
        assert "has no fmnist-benchmark; nothing was measured" in result.stderr
    else:
        assert first["benchmark"]["results"], first["benchmark"]
    assert [path.name for path in prefix.glob(".incoming-*")] == []

    model = Path(shutil.copy(shipped.MODELS_FOLDER / "mlp-int8.tflite", tmp_path / "mine-int8.tflite"))
    shutil.copy(shipped.MODELS_FOLDER / "mlp-golden.npz", tmp_path / "mine-golden.npz")
    result = deploy(server, *to, "--model", model, env=wheelhouse)
    assert result.returncode == 0, result.stderr
    assert f"before it was {first['installed']['version']}" in result.stdout
    assert "mine-int8.tflite: " in result.stdout
    assert result.stdout.splitlines()[-1].startswith("passed: fmnist-doctor and fmnist-verify of 1 models on ")

    result = deploy(server, "--prefix", prefix, "--rollback", "--json")
    assert result.returncode == 0, result.stderr
    back = json.loads(result.stdout)
    assert back["installed"]["version"] == first["installed"]["version"] == (prefix / "current").readlink().name
    assert [Path(one["model"]).name for one in back["verify"]] == sorted(shipped.SHIPPED.values())


def test_a_wrong_key_or_password_is_refused_with_the_way_out(server: Server, tmp_path: Path) -> None:
    assert_fails(deploy(server, key="stranger", BatchMode="yes"), 1, "Permission denied", "wrong user, password or key")
    ask = tmp_path / "ask"
    ask.write_text("#!/bin/sh\necho not the password\n")
    ask.chmod(0o755)
    variables = {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    options = {"PreferredAuthentications": "password", "NumberOfPasswordPrompts": "1"}
    assert_fails(deploy(server, env=variables, **options), 1, "Permission denied", "ssh-copy-id")


def test_a_failed_connection_is_refused_in_one_line_with_the_way_out(server: Server, tmp_path: Path) -> None:
    assert_fails(deploy(server, Port="1"), 1, "Connection refused", "enable --now ssh")
    assert_fails(deploy(server, UserKnownHostsFile="/dev/null"), 1, "Host key verification failed", "run once")
    assert_fails(deploy(server, NoSuchOption="1"), 1, "ssh failed", "try: ssh")
    assert_fails(run_command("fmnist-bundle", "--to", "pi@no-such-machine.invalid"), 1, "no machine has that name")
    assert_fails(run_command("fmnist-bundle", "--to", "-oProxyCommand=true"), 1, "is not USER@HOST")
    assert_fails(deploy(server, env={"PATH": str(tmp_path)}), 1, "run: sudo apt install openssh-client")


def test_a_machine_without_python_is_refused(server: Server) -> None:
    assert_fails(deploy(server, key="bare"), 1, "there is no python3", "sudo apt install python3")


def test_a_full_disk_there_is_reported_and_nothing_is_left(
    server: Server, wheel: Path, wheelhouse: dict[str, str], small_disk: Path
) -> None:
    """24 MB hold neither the copy nor what is in it."""
    result = deploy(server, "--wheel", wheel, "--prefix", small_disk / "prefix", env=wheelhouse)
    assert_fails(result, 1, "No space left on device", "free some space there")
    assert [path.name for path in (small_disk / "prefix").iterdir()] == []


def test_a_bundle_for_another_board_is_refused_there(server: Server, tmp_path: Path, empty_bundle: bytes) -> None:
    from fmnist_deploy import boards, bundle

    content = bundle.pack(boards.find("pi-bookworm-64"), [], {})
    options = tuple(word for word in server.options() if word != "--ssh-option")
    with remote.connect(server.target, options) as machine:
        with pytest.raises(
            FmnistError, match=r"this bundle is for pi-bookworm-64 .*: make one with: fmnist-bundle x86-64"
        ):
            deployment.install(machine, content, str(tmp_path / "prefix"), service=False)
        assert list((tmp_path / "prefix").iterdir()) == []
        # What ssh delivers of a copy that breaks off is not run at all.
        with pytest.raises(FmnistError, match="cut off or changed"):
            deployment.install(machine, empty_bundle[:-1], str(tmp_path / "prefix"), service=False)


def test_a_rollback_without_an_installation_is_refused(server: Server, tmp_path: Path) -> None:
    result = deploy(server, "--prefix", tmp_path / "none", "--rollback")
    assert_fails(result, 1, "nothing is installed in", "--prefix")


def test_the_board_and_the_prefix_are_identified(server: Server, here: Board) -> None:
    options = tuple(word for word in server.options() if word != "--ssh-option")
    with remote.connect(server.target, options) as machine:
        board, prefix = deployment.identify(machine)
    assert board == here
    assert prefix.endswith("fmnist-edge")


@pytest.mark.parametrize("whole_group", [True, False], ids=["Ctrl-C", "kill"])
def test_an_interrupt_stops_the_installer_there_and_removes_the_copy(
    whole_group: bool, server: Server, wheel: Path, wheelhouse: dict[str, str], tmp_path: Path
) -> None:
    prefix = tmp_path / "prefix"
    words = [BIN / "fmnist-bundle", "--to", server.target, *server.options(), "--wheel", wheel, "--prefix", prefix]
    process = subprocess.Popen(
        list(map(str, words)), env=wheelhouse, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    partial = "versions/.partial-*/lib/*/site-packages/*"
    error = interrupt(process, lambda: list(prefix.glob(partial)), whole_group=whole_group)
    assert process.returncode == 130, error
    assert error.splitlines()[-1] == (
        f"fmnist-bundle: {server.target}: interrupted; the installer there was stopped, the copy removed"
    )
    assert sorted(path.name for path in prefix.iterdir()) == [".fmnist-edge", ".lock", "versions"]
    assert list((prefix / "versions").iterdir()) == []
    time.sleep(1)
    assert not (prefix / "current").is_symlink(), "nothing goes on there"


def test_a_foreign_folder_there_is_refused_and_not_changed(
    server: Server, wheel: Path, wheelhouse: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "versions" / "3.11.7").mkdir(parents=True)
    result = deploy(server, "--wheel", wheel, "--prefix", tmp_path, "--model", "mlp", env=wheelhouse)
    assert_fails(result, 1, "holds versions/3.11.7, which fmnist-edge did not make", "--prefix")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["versions", "versions/3.11.7"]
