"""The environments that fmnist-export makes for targets: by one process at a time, whole or not at all."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from interruption import interrupt
from waiting import HANG_SECONDS, wait_until

from fmnist_export.prove import environments, targets
from fmnist_runtime.errors import ExportError

# Each makes a virtual environment.
pytestmark = pytest.mark.slow

_NAME = "litert-1.4"
# A target whose interpreter is a small wheel in a folder: real venv, real pip, no network.
_INSTALL = """\
import dataclasses, sys
from fmnist_export.prove import environments, targets
environments._NEEDS = ()
target = dataclasses.replace(targets.all_targets()["litert-1.4"], requirements=("stand-in-interpreter==1.4.0",))
found = environments.install(target, lambda line: print(line, flush=True))
print(found.python)
"""


def _wheel(folder: Path, setup: str = "") -> None:
    """A wheel of nothing but a module and a script, as pip installs it."""
    folder.mkdir(parents=True)
    info = "stand_in_interpreter-1.4.0.dist-info"
    files = {
        "stand_in_interpreter.py": "def answer():\n    print('answered')\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: stand-in-interpreter\nVersion: 1.4.0\n" + setup,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nstand-in = stand_in_interpreter:answer\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / "stand_in_interpreter-1.4.0-py3-none-any.whl", "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that makes an environment in an empty cache, from the wheel alone."""
    _wheel(tmp_path / "wheels")
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels")}
    return {**os.environ, **pip, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def start(variables: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _INSTALL],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def made(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "fmnist-edge" / "targets"


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in made(tmp_path).iterdir() if path.name != f".{_NAME}.lock")


def test_two_processes_at_once_make_one_environment_and_the_second_says_for_whom_it_waits(
    variables: dict[str, str], tmp_path: Path
) -> None:
    first = start(variables)
    while not list(made(tmp_path).glob(f".{_NAME}.*.part/pyvenv.cfg")):
        assert first.poll() is None, "it ended before the second began"
        time.sleep(0.02)
    others = [start(variables) for _ in range(2)]
    results = [process.communicate(timeout=HANG_SECONDS) for process in (first, *others)]
    assert [process.returncode for process in (first, *others)] == [0, 0, 0], results
    python = made(tmp_path) / _NAME / "bin" / "python"
    assert results[0][0].splitlines() == [
        f"making an environment for {_NAME} in {made(tmp_path) / _NAME} (once)",
        str(python),
    ]
    for output, _ in results[1:]:
        waiting, found = output.splitlines()
        assert waiting.startswith(f"{made(tmp_path)}: in use by fmnist-export, which makes {_NAME} (process ")
        assert waiting.endswith("); waiting until it ends")
        assert found == str(python)
    assert str(first.pid) in results[1][0] or str(first.pid) in results[2][0]
    assert names(tmp_path) == [_NAME]
    # Renamed, it works as a proof uses it: its own module, ours from beside it, by its Python.
    code = "import stand_in_interpreter as one, fmnist_runtime, sys; one.answer(); print(one.__file__, sys.prefix)"
    ended = subprocess.run(
        [python, "-c", code],
        env={**os.environ, "PYTHONPATH": str(made(tmp_path) / _NAME / "modules")},
        capture_output=True,
        text=True,
        check=True,
    )
    answered, where = ended.stdout.splitlines()
    assert answered == "answered"
    assert where.startswith(f"{made(tmp_path) / _NAME}/lib/")
    assert where.endswith(f" {made(tmp_path) / _NAME}")


def running(folder: Path) -> list[bytes]:
    """The command lines of this moment that name `folder`."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            lines.append(path.read_bytes())
    return [line for line in lines if os.fsencode(folder) in line]


@pytest.mark.parametrize("whole_group", [True, False], ids=["Ctrl-C", "kill"])
def test_an_interrupt_leaves_nothing_and_ends_what_was_started(
    whole_group: bool, variables: dict[str, str], tmp_path: Path
) -> None:
    process = start(variables)
    partial = f".{_NAME}.*.part/pyvenv.cfg"
    error = interrupt(process, lambda: list(made(tmp_path).glob(partial)), whole_group=whole_group)
    assert "KeyboardInterrupt" in error, "fmnist-export makes exit code 130 of it"
    assert process.returncode != 0
    assert names(tmp_path) == []
    wait_until(lambda: not running(tmp_path), "what was started has ended")


def test_what_a_killed_process_left_is_cleared_and_what_others_put_there_is_not(
    variables: dict[str, str], tmp_path: Path
) -> None:
    process = start(variables)
    while not list(made(tmp_path).glob(f".{_NAME}.*.part/pyvenv.cfg")):
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=HANG_SECONDS)
    (left,) = names(tmp_path)
    assert left.endswith(".part")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "notes.txt").write_text("precious\n")
    (made(tmp_path) / f".{_NAME}.mine.part").mkdir()
    (made(tmp_path) / f".{_NAME}.mine.part" / "notes.txt").write_text("precious\n")
    (made(tmp_path) / f".{_NAME}.link.part").symlink_to(elsewhere)
    process = start(variables)
    assert process.communicate(timeout=HANG_SECONDS)[1] == ""
    assert process.returncode == 0
    assert names(tmp_path) == sorted([_NAME, f".{_NAME}.mine.part", f".{_NAME}.link.part"])
    assert (made(tmp_path) / f".{_NAME}.mine.part" / "notes.txt").read_text() == "precious\n"
    assert (elsewhere / "notes.txt").read_text() == "precious\n"


def test_an_incomplete_environment_is_replaced_and_anything_else_in_its_place_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an environment of a release before is made anew; anything else is refused and stays."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    target = dataclasses.replace(targets.all_targets()[_NAME], requirements=("no-such-package",))
    folder = made(tmp_path) / _NAME
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def refused() -> str:
        with pytest.raises(ExportError) as caught:
            environments.install(target, lambda _: None)
        return str(caught.value)

    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("precious\n")
    assert "not an environment that fmnist-export made" in refused()
    assert (folder / "notes.txt").read_text() == "precious\n"
    (folder / "notes.txt").rename(elsewhere / "notes.txt")
    folder.rmdir()
    folder.symlink_to(elsewhere)
    assert "move it away" in refused()
    assert (elsewhere / "notes.txt").exists()
    folder.unlink()
    folder.mkdir()
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    assert "could not be installed" in refused()
    assert not folder.exists()
    assert names(tmp_path) == []
