"""The benchmarks use public names of the other packages, so that these can change what is private."""

import ast
from pathlib import Path

import pytest

import fmnist_benchmarks

_FOLDER = Path(next(iter(fmnist_benchmarks.__path__)))
_OTHERS = ("fmnist_runtime", "fmnist_export", "fmnist_train", "fmnist_keras", "fmnist_deploy")


def private_uses(source: str) -> list[str]:
    """The private names that `source` takes from other packages: imported, or as an attribute of anything but self."""
    tree = ast.parse(source)
    imported = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(_OTHERS)
        for alias in node.names
    ]
    imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    attributes = [
        f"{ast.unparse(node.value)}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.endswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]
    strings = [
        f"getattr {node.args[1].value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("getattr", "hasattr", "setattr")
        and isinstance(node.args[1], ast.Constant)
        and str(node.args[1].value).startswith("_")
    ]
    hidden = [name for name in imported if any(part.startswith("_") for part in name.split(".")[1:])]
    # A namedtuple's own methods have an underscore only to keep clear of its fields.
    return [name for name in [*hidden, *attributes, *strings] if not name.endswith(("._asdict", "._replace"))]


@pytest.mark.parametrize("path", sorted(_FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(_FOLDER)))
def test_no_private_name_of_another_package_is_used(path: Path) -> None:
    assert private_uses(path.read_text()) == []


def test_private_names_are_found() -> None:
    source = """
from fmnist_runtime.classifier import Classifier, _buffer
from fmnist_runtime._inner import build
classifier._invoke()
Classifier("mlp")._lock
self._own
change._asdict()
getattr(classifier, "_write")
"""
    assert sorted(private_uses(source)) == [
        "Classifier('mlp')._lock",
        "classifier._invoke",
        "fmnist_runtime._inner.build",
        "fmnist_runtime.classifier._buffer",
        "getattr _write",
    ]
