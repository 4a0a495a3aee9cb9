"""Which packages and rooms a room of the benchmarks may import: a device needs only `measure` and `output`."""

import ast
from pathlib import Path

import pytest

import fmnist_benchmarks

_FOLDER = Path(next(iter(fmnist_benchmarks.__path__)))
_MEASURE, _OUTPUT = "fmnist_benchmarks.measure", "fmnist_benchmarks.output"
# What a room may import of ours beside itself and the runtime; any other question: _MEASURE, _OUTPUT and _USES.
_ALLOWED = {"measure": (), "output": (_MEASURE,)}
_USES = {
    "errors": ("fmnist_benchmarks.frontier.candidates",),
    "publish": ("fmnist_benchmarks.frontier.tables", "fmnist_benchmarks.quantization.ai_edge.table"),
    "quantization": ("fmnist_export", "fmnist_keras"),
    "training": ("fmnist_train", "fmnist_keras"),
}


def imports(source: str) -> set[str]:
    """The modules of ours that `source` imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.startswith("fmnist_")}


@pytest.mark.parametrize("room", sorted(path.name for path in _FOLDER.iterdir() if (path / "__init__.py").exists()))
def test_a_room_imports_only_what_it_stands_on(room: str) -> None:
    allowed = _ALLOWED.get(room, (_MEASURE, _OUTPUT, *_USES.get(room, ())))
    allowed = ("fmnist_runtime", f"fmnist_benchmarks.{room}", *allowed)
    for path in (_FOLDER / room).glob("*.py"):
        upwards = {
            name for name in imports(path.read_text()) if not any(f"{name}.".startswith(f"{one}.") for one in allowed)
        }
        assert upwards == set(), path


def test_imports_inside_functions_are_found() -> None:
    source = "import json\nimport fmnist_export\n\ndef f():\n    from fmnist_train.training import loop\n"
    assert imports(source) == {"fmnist_export", "fmnist_train.training.loop"}
