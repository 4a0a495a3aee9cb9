"""The cells of the matrix: userlands and processors, each with the boards that have them."""

from dataclasses import dataclass

from fmnist_deploy.boards import BOARDS, Board, find


@dataclass(frozen=True)
class Userland:
    """A Debian release for one architecture, the base of a board's system. `emulator` is the name of qemu's program."""

    name: str
    suite: str
    architecture: str
    emulator: str
    packages: tuple[str, ...]


# The interpreters need libstdc++ and libgcc; Debian's numpy and Pillow replace wheels that do not exist.
_LIBRARIES = ("libstdc++6", "libgcc-s1", "libatomic1")
USERLANDS: dict[str, Userland] = {
    userland.name: userland
    for userland in (
        Userland("bookworm-arm64", "bookworm", "arm64", "qemu-aarch64", ("python3.11", *_LIBRARIES)),
        Userland(
            "bookworm-armhf",
            "bookworm",
            "armhf",
            "qemu-arm",
            ("python3.11", "python3-numpy", "python3-pil", *_LIBRARIES),
        ),
        Userland("trixie-arm64", "trixie", "arm64", "qemu-aarch64", ("python3.13", *_LIBRARIES)),
    )
}


@dataclass(frozen=True)
class Cell:
    """A userland (None for this machine's own) on a processor; `cpu` is qemu's name for it."""

    board: Board
    userland: Userland | None
    cpu: str
    boards: str

    @property
    def name(self) -> str:
        """Such as "bookworm-arm64 cortex-a53"."""
        version = ".".join(map(str, self.board.python))
        return f"{self.userland.name} {self.cpu}" if self.userland else f"x86-64 Python {version}"


def _cells() -> tuple[Cell, ...]:
    arm64, armhf, trixie = USERLANDS.values()
    bookworm_64, bookworm_32, trixie_64 = (BOARDS[f"pi-{name}"] for name in ("bookworm-64", "bookworm-32", "trixie-64"))
    return (
        Cell(find("x86-64"), None, "host", "a PC"),
        Cell(find("x86-64", (3, 13)), None, "host", "a PC"),
        Cell(bookworm_64, arm64, "cortex-a53", "Pi 3, Zero 2 W"),
        Cell(bookworm_64, arm64, "cortex-a72", "Pi 4"),
        Cell(bookworm_32, armhf, "cortex-a7", "Pi 2"),
        Cell(bookworm_32, armhf, "cortex-a53", "Pi 3, Zero 2 W"),
        Cell(trixie_64, trixie, "cortex-a53", "Pi 3, Zero 2 W"),
        Cell(trixie_64, trixie, "cortex-a72", "Pi 4"),
        Cell(trixie_64, trixie, "cortex-a76", "Pi 5"),
    )


# The references first; the other cells are compared with them.
CELLS = _cells()
