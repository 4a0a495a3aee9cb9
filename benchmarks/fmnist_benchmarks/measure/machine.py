"""The machine that a measurement runs on: board, processor, governor, Python and the relevant package versions."""

import platform
from importlib import metadata
from typing import Any

from fmnist_runtime.device import board

_PACKAGES = ("fmnist-edge", "numpy", "tflite-runtime", "ai-edge-litert", "onnxruntime")


def describe() -> dict[str, Any]:
    """The facts by name; packages that are not installed are omitted."""
    found = board.read()
    return {
        "board": found.name,
        "cpu": found.cpu,
        "cores": found.cores,
        "governor": found.governor,
        "celsius": found.celsius,
        "load": found.load,
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
    }


def title(facts: dict[str, Any]) -> str:
    """The facts in one line."""
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    return (
        f"{facts['board'] or 'no board'}, {facts['cpu']}, {facts['cores']} cores, "
        f"governor {facts['governor'] or 'unknown'}, load {facts['load']}; Python {facts['python']}, {packages}"
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
