"""Whether a bundle fits this machine: Python, processor, bits, C library, and packages of the system."""

import importlib.util
import os
import platform
import re
import struct
import sys
from typing import Any

from fmnist_deploy.boards import for_system
from fmnist_runtime.errors import FmnistError


def problem(manifest: dict[str, Any]) -> str | None:
    """Why the bundle of `manifest` cannot run here, in one sentence with the way out; None where it can."""
    return problem_of(manifest, sys.version_info[:2], platform.machine(), struct.calcsize("P") * 8) or _missing(
        manifest
    )


def problem_of(manifest: dict[str, Any], python: tuple[int, int], machine: str, bits: int) -> str | None:
    """The sentence for CPython `python` on `machine` (the kernel's name for it) with `bits`-bit pointers."""
    wanted = tuple(manifest["python"])
    if (python, bits) == (wanted, manifest["bits"]) and machine in _kernels(manifest["machine"]):
        return None
    return (
        f"this bundle is for {manifest['board']} ({manifest['bits']}-bit Python {wanted[0]}.{wanted[1]} on "
        f"{manifest['machine']}), here is {bits}-bit Python {python[0]}.{python[1]} on {machine}: "
        f"{_way_out(python, machine, bits)}"
    )


def _way_out(python: tuple[int, int], machine: str, bits: int) -> str:
    """The command that makes the right bundle for the machine, or what to do where it has no interpreter."""
    try:
        board = for_system(python, machine, bits)
    except FmnistError as error:
        return str(error)
    option = f" --python {python[0]}.{python[1]}" if board.name == "x86-64" else ""
    return f"make one with: fmnist-bundle {board.name}{option}"


def _kernels(machine: str) -> tuple[str, ...]:
    # The kernel of a 32-bit Raspberry Pi OS may be a 64-bit one: the size of Python's pointers decides.
    return ("armv7l", "armv8l", "aarch64") if machine == "armv7l" else (machine,)


def _missing(manifest: dict[str, Any]) -> str | None:
    glibc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else None
    found = re.match(r"glibc 2\.(\d+)", glibc or "")
    if not found or int(found[1]) < manifest["glibc"]:
        return (
            f"this bundle needs glibc 2.{manifest['glibc']} or later, here is {glibc or 'another C library'}; "
            f"use Debian bookworm, Raspberry Pi OS bookworm or a later one"
        )
    packages = [
        package for module, package in manifest["system_packages"] if importlib.util.find_spec(_module(module)) is None
    ]
    return (
        f"the system lacks {' and '.join(packages)}; run: sudo apt install {' '.join(packages)}" if packages else None
    )


def _module(name: str) -> str:
    return "PIL" if name == "Pillow" else name
