"""The boards and systems that have an interpreter, and the options with which pip downloads wheels for each.

The table of wheels is measured (docs/compatibility.md). The cap on numpy stands here because tflite-runtime's metadata
lacks it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference.installation import Machine, advice

TFLITE_RUNTIME = ("tflite-runtime==2.14.0", "numpy>=1.24,<2")
LITERT = ("ai-edge-litert==2.3.0", "numpy>=1.26")
_EVERYWHERE = ("click>=8.1", "Pillow>=9.4")
# The lowest minor version of glibc 2 that any wheel needs; manylinux tags go from there to the system's own.
_OLDEST_GLIBC = 17


@dataclass(frozen=True)
class Board:
    """A board with its system. `machine` is the name in wheel tags, `glibc` the minor version of the system's glibc 2.

    `system_packages` are Debian's packages for modules without a wheel: (module, package) pairs.
    """

    name: str
    boards: str
    python: tuple[int, int]
    machine: str
    bits: int
    glibc: int
    system_packages: tuple[tuple[str, str], ...] = ()

    @property
    def runtime(self) -> str:
        """The interpreter of the base install there: a key of interpreters.BACKENDS."""
        return "tflite-runtime" if self.python < (3, 12) else "litert"

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements that pip downloads beside fmnist-edge."""
        wanted = (*(TFLITE_RUNTIME if self.runtime == "tflite-runtime" else LITERT), *_EVERYWHERE)
        modules = {module.lower() for module, _ in self.system_packages}
        return tuple(name for name in wanted if name.split(">")[0].split("=")[0].lower() not in modules)

    @property
    def pip_tags(self) -> tuple[str, ...]:
        """The options of `pip download` for this Python and system."""
        version = f"{self.python[0]}{self.python[1]}"
        tags = ["--only-binary=:all:", "--implementation=cp", f"--python-version={self.python[0]}.{self.python[1]}"]
        tags += [f"--abi=cp{version}", "--abi=abi3", "--abi=none"]
        minors = range(self.glibc, _OLDEST_GLIBC - 1, -1)
        platforms = [*(f"manylinux_2_{minor}" for minor in minors), "manylinux2014"]
        return (*tags, *(f"--platform={platform}_{self.machine}" for platform in platforms))


_DEBIAN_NUMPY = (("numpy", "python3-numpy"), ("Pillow", "python3-pil"))
BOARDS: dict[str, Board] = {
    board.name: board
    for board in (
        Board("pi-bookworm-64", "Pi 3, 4, Zero 2 W: 64-bit bookworm", (3, 11), "aarch64", 64, 36),
        Board("pi-bookworm-32", "Pi 2, 3, 4, Zero 2 W: 32-bit bookworm", (3, 11), "armv7l", 32, 36, _DEBIAN_NUMPY),
        Board("pi-trixie-64", "Pi 3, 4, 5, Zero 2 W: 64-bit trixie", (3, 13), "aarch64", 64, 41),
        Board("x86-64", "a PC", (3, 11), "x86_64", 64, 34),
    )
}


def find(name: str, python: tuple[int, int] | None = None) -> Board:
    """The board `name`; `python` is another CPython for x86-64. Raises FmnistError where there is no interpreter."""
    if name not in BOARDS:
        hint = ""
        if name.startswith("pi-") and name.endswith("-32"):
            hint = f"; {advice(Machine((3, 13), 'armv7l', 32))}"
        if "zero" in name or "armv6" in name:
            hint = f"; {advice(Machine((3, 11), 'armv6l', 32))}"
        raise FmnistError(f"{name}: unknown board, expected {', '.join(BOARDS)}{hint}")
    board = BOARDS[name]
    if python is None or python == board.python:
        return board
    if name != "x86-64":
        version = ".".join(map(str, board.python))
        raise FmnistError(f"{name} has Python {version}; --python is for x86-64, leave it out")
    if not (3, 10) <= python <= (3, 14):
        raise FmnistError(f"Python {python[0]}.{python[1]}: {advice(Machine(python, 'x86_64', 64))}")
    return replace(board, python=python)


def for_system(python: tuple[int, int], machine: str, bits: int) -> Board:
    """The board for a system with CPython `python` of `bits` bits; `machine` is the kernel's name for it.

    A 64-bit kernel may run a 32-bit Python. Raises FmnistError, with the way out, where there is no interpreter.
    """
    if machine in ("x86_64", "AMD64") and bits == 64:
        return find("x86-64", python)
    if machine != "armv6l":
        name = "armv7l" if bits == 32 and machine in ("armv7l", "armv8l", "aarch64") else machine
        for board in BOARDS.values():
            if (board.machine, board.bits, board.python) == (name, bits, python):
                return board
    version = f"Python {python[0]}.{python[1]}"
    named = "armv7l" if bits == 32 and machine == "aarch64" else machine
    raise FmnistError(f"no bundle for {bits}-bit {version} on {machine}: {_fix(python, named, bits)}")


def _fix(python: tuple[int, int], machine: str, bits: int) -> str:
    """What to do where no board fits; a bundle needs the Python of the system's release."""
    fix = advice(Machine(python, machine, bits))
    if fix.startswith("run: pip"):
        return "use the Python of Raspberry Pi OS bookworm (3.11) or trixie (3.13), or install with pip as it is"
    return fix
