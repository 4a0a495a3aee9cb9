"""Each board's wheels, and the way out where there is none."""

import pytest

from fmnist_deploy import boards
from fmnist_runtime.errors import FmnistError


@pytest.mark.parametrize(
    ("name", "runtime", "tag"),
    [
        ("pi-bookworm-64", "tflite-runtime", "--platform=manylinux_2_34_aarch64"),
        ("pi-bookworm-32", "tflite-runtime", "--platform=manylinux_2_34_armv7l"),
        ("pi-trixie-64", "litert", "--abi=cp313"),
        ("x86-64", "tflite-runtime", "--python-version=3.11"),
    ],
)
def test_each_board_has_its_runtime_and_tags(name: str, runtime: str, tag: str) -> None:
    board = boards.find(name)
    assert board.runtime == runtime
    assert tag in board.pip_tags
    assert any(requirement.startswith(("tflite-runtime==", "ai-edge-litert==")) for requirement in board.requirements)


def test_packages_of_debian_are_not_downloaded() -> None:
    assert boards.find("pi-bookworm-32").requirements == ("tflite-runtime==2.14.0", "click>=8.1")


def test_x86_64_may_have_another_python() -> None:
    assert boards.find("x86-64", (3, 13)).runtime == "litert"
    with pytest.raises(FmnistError, match=r"Python 3\.9 is too old"):
        boards.find("x86-64", (3, 9))
    with pytest.raises(FmnistError, match="--python is for x86-64"):
        boards.find("pi-trixie-64", (3, 11))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pi5", "unknown board, expected pi-bookworm-64, pi-bookworm-32, pi-trixie-64, x86-64"),
        ("pi-trixie-32", "32-bit Python 3.13 has no interpreter: install the 64-bit Raspberry Pi OS"),
        ("pi-zero", "use a Pi Zero 2 W or later"),
    ],
)
def test_an_unknown_board_is_refused_with_the_way_out(name: str, words: str) -> None:
    with pytest.raises(FmnistError, match=words):
        boards.find(name)


@pytest.mark.parametrize(
    ("system", "name"),
    [
        (((3, 11), "aarch64", 64), "pi-bookworm-64"),
        (((3, 11), "aarch64", 32), "pi-bookworm-32"),  # 32-bit Raspberry Pi OS runs a 64-bit kernel
        (((3, 11), "armv7l", 32), "pi-bookworm-32"),
        (((3, 13), "aarch64", 64), "pi-trixie-64"),
        (((3, 12), "x86_64", 64), "x86-64"),
    ],
)
def test_a_system_is_recognized_by_python_machine_and_bits(system: tuple[tuple[int, int], str, int], name: str) -> None:
    assert boards.for_system(*system).name == name


@pytest.mark.parametrize(
    ("system", "words"),
    [
        (((3, 13), "armv7l", 32), "install the 64-bit Raspberry Pi OS"),
        (((3, 13), "aarch64", 32), "install the 64-bit Raspberry Pi OS"),
        (((3, 11), "armv6l", 32), "use a Pi Zero 2 W or later"),
        (((3, 9), "aarch64", 64), "Python 3.9 is too old"),
        (((3, 12), "aarch64", 64), "use the Python of Raspberry Pi OS bookworm"),
    ],
)
def test_a_system_without_an_interpreter_gets_the_way_out(system: tuple[tuple[int, int], str, int], words: str) -> None:
    with pytest.raises(FmnistError, match=words):
        boards.for_system(*system)
