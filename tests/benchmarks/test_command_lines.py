"""Every command line of the benchmarks explains itself under the name by which it is called."""

import importlib
import pkgutil

import click
import pytest
from helpers import BIN, run_command

import fmnist_benchmarks
from fmnist_benchmarks.publish import record

_MODULES = [
    module.name.removesuffix(".__main__")
    for module in pkgutil.walk_packages(fmnist_benchmarks.__path__, "fmnist_benchmarks.")
    if isinstance(getattr(importlib.import_module(module.name), "main", None), click.Command)
]
# Started by other commands and by nobody else.
_INTERNAL = {"fmnist_benchmarks.peers.calls", "fmnist_benchmarks.quantization.ai_edge.recipes"}


def test_the_packages_docstring_lists_every_command_line() -> None:
    listed = {line.split()[0] for line in str(fmnist_benchmarks.__doc__).splitlines() if line.startswith("    ")}
    names = {name.removeprefix("fmnist_benchmarks.") for name in _MODULES if name not in _INTERNAL}
    assert names == (listed - {"fmnist-benchmark", "python"}) | {"command"}


@pytest.mark.parametrize("module", _MODULES)
def test_help_names_the_command_line(module: str) -> None:
    main = importlib.import_module(_main(module)).main
    assert main.name == ("fmnist-benchmark" if module == "fmnist_benchmarks.command" else module)
    result = run_command("python", "-m", module, "--help", folder=BIN)
    assert result.returncode == 0, result.stderr
    assert "Usage: " in result.stdout


def test_what_is_recorded_is_measured_by_command_lines_that_exist() -> None:
    for part, (module, *_) in record.PARTS.items():
        assert f"fmnist_benchmarks.{module}" in _MODULES, part


def _main(module: str) -> str:
    return f"{module}.__main__" if hasattr(importlib.import_module(module), "__path__") else module
