"""Which TFLite interpreter has a wheel for this machine, and the exact command that installs it.

The table of wheels is measured (docs/compatibility.md): tflite-runtime 2.14.0 for CPython 3.8 to 3.11 on Linux x86_64,
aarch64 and armv7l; ai-edge-litert 2.1.6 and later for CPython 3.10 to 3.14 on 64-bit systems.

This module installs nothing and imports nothing outside the standard library.
"""

import platform
import struct
import sys
from typing import NamedTuple

TFLITE_RUNTIME_COMMAND = "pip install 'tflite-runtime==2.14.0' 'numpy<2'"
LITERT_COMMAND = "pip install 'ai-edge-litert>=2.1.6'"


class Machine(NamedTuple):
    """What decides which wheels fit: CPython's version, platform.machine(), and the bits of a pointer."""

    python: tuple[int, int]
    machine: str
    bits: int


def this_machine() -> Machine:
    """The machine and the Python that this process runs on."""
    return Machine(sys.version_info[:2], platform.machine(), struct.calcsize("P") * 8)


def advice(on: Machine | None = None) -> str:
    """What to do, in one sentence, where no interpreter works; `on` is this machine unless another is given."""
    python, machine, bits = on or this_machine()
    version = f"Python {python[0]}.{python[1]}"
    if machine == "armv6l":
        return "armv6 (Pi Zero, Zero W, 1) has no interpreter at all: use a Pi Zero 2 W or later"
    if bits == 32:
        if python > (3, 11):
            return (
                f"32-bit {version} has no interpreter: install the 64-bit Raspberry Pi OS, "
                f"or the 32-bit bookworm with its Python 3.11"
            )
        return f"run: {TFLITE_RUNTIME_COMMAND}"
    if python < (3, 10):
        return f"{version} is too old: install Python 3.11 and run: {TFLITE_RUNTIME_COMMAND}"
    if python > (3, 14):
        return f"{version} has no interpreter yet: install Python 3.13 and run: {LITERT_COMMAND}"
    return f"run: {TFLITE_RUNTIME_COMMAND}" if python < (3, 12) else f"run: {LITERT_COMMAND}"


def backend_advice(backend: str, on: Machine | None = None) -> str:
    """What to do, in one sentence, where `backend`, "litert" or "tflite-runtime", is asked for and not installed."""
    on = on or this_machine()
    version = f"Python {on.python[0]}.{on.python[1]}"
    if backend == "litert":
        if on.bits == 64 and (3, 10) <= on.python <= (3, 14):
            return f"run: {LITERT_COMMAND}"
        return f"it has no wheel for {on.bits}-bit {version} on {on.machine}; {advice(on)}"
    if on.python <= (3, 11) and on.machine != "armv6l":
        return f"run: {TFLITE_RUNTIME_COMMAND}"
    return f"it has no wheel for {version} on {on.machine}; {advice(on)}"
