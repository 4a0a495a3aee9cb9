"""Children with and without words before their Python."""

import sys

import pytest
from helpers import run_command

from fmnist_runtime.system import child


def test_a_child_runs_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(child.LAUNCHER, raising=False)
    assert child.python_command() == [sys.executable]
    assert child.call("os", "getenv", "A").code == 0


@pytest.mark.parametrize("argument", ["a b", "", " a ", "--x", "-c", "ł\n'\"", "*"])
def test_arguments_reach_the_function_as_they_are(argument: str) -> None:
    ended = child.call("builtins", "print", argument, "b", stdin=b"")
    assert (ended.code, ended.output) == (0, f"{argument} b\n")
    assert child.call("builtins", "print").output == "\n"


def test_a_launcher_precedes_the_python_of_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """`env` stands for the emulator: it starts what its words say."""
    monkeypatch.setenv(child.LAUNCHER, "env 'A=b c'")
    assert child.python_command()[:2] == ["env", "A=b c"]
    assert child.call("os", "getenv", "A").code == 0
    monkeypatch.setenv(child.LAUNCHER, "/no/such/emulator")
    with pytest.raises(OSError, match="No such file"):
        child.call("os", "getenv", "A")


def test_the_doctor_tries_interpreters_through_the_launcher(base_bin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(child.LAUNCHER, "env A=b")
    assert run_command("fmnist-doctor", folder=base_bin).returncode == 0
    monkeypatch.setenv(child.LAUNCHER, "/no/such/emulator")
    result = run_command("fmnist-doctor", folder=base_bin)
    assert result.returncode == 1
    assert "no child process starts here" in result.stdout
