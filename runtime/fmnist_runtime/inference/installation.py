"""Which TFLite interpreter has a wheel for this machine, and the exact command that installs it.

The table of wheels is measured (docs/compatibility.md): tflite-runtime 2.14.0 for CPython 3.8 to 3.11 on Linux x86_64,
aarch64 and armv7l; ai-edge-litert 2.1.6 and later for CPython 3.10 to 3.14 on 64-bit systems.
"""

import platform
import struct
import sys

TFLITE_RUNTIME_COMMAND = "pip install 'tflite-runtime==2.14.0' 'numpy<2'"
LITERT_COMMAND = "pip install 'ai-edge-litert>=2.1.6'"


def fix() -> str:
    """What to do, in one sentence, on a machine where no interpreter works."""
    return fix_for(sys.version_info[:2], platform.machine(), struct.calcsize("P") * 8)


def fix_of(backend: str) -> str:
    """What to do, in one sentence, where `backend`, "litert" or "tflite-runtime", is wanted and is not installed."""
    return fix_of_for(backend, sys.version_info[:2], platform.machine(), struct.calcsize("P") * 8)


def fix_of_for(backend: str, python: tuple[int, int], machine: str, bits: int) -> str:
    """The sentence of `fix_of` for another machine, described as for `fix_for`."""
    version = f"Python {python[0]}.{python[1]}"
    if backend == "litert":
        if bits == 64 and (3, 10) <= python <= (3, 14):
            return f"run: {LITERT_COMMAND}"
        return f"it has no wheel for {bits}-bit {version} on {machine}; {fix_for(python, machine, bits)}"
    if python <= (3, 11) and machine != "armv6l":
        return f"run: {TFLITE_RUNTIME_COMMAND}"
    return f"it has no wheel for {version} on {machine}; {fix_for(python, machine, bits)}"


def fix_for(python: tuple[int, int], machine: str, bits: int) -> str:
    """The sentence for CPython `python` on `machine` (as platform.machine() names it) with `bits`-bit pointers."""
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
