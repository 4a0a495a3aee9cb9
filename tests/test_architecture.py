"""The arrows of docs/architecture.md hold: who may import whom, without circles, in rooms of at most a dozen files."""

import ast
import sys
from collections.abc import Iterator, Set
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Where each package lies, and which others of ours it may import.
PACKAGES = {
    "fmnist_runtime": "runtime",
    "fmnist_keras": "keras_models",
    "fmnist_train": "train",
    "fmnist_export": "export",
    "fmnist_benchmarks": "benchmarks",
    "fmnist_deploy": "deploy",
}
ARROWS: dict[str, set[str]] = {
    "fmnist_runtime": set(),
    "fmnist_keras": {"fmnist_runtime"},
    "fmnist_train": {"fmnist_keras", "fmnist_runtime"},
    "fmnist_export": {"fmnist_keras", "fmnist_runtime"},
    "fmnist_benchmarks": {"fmnist_export", "fmnist_keras", "fmnist_runtime", "fmnist_train"},
    "fmnist_deploy": {"fmnist_runtime"},
}
# What may be imported on a device beside the standard library; ai_edge_litert and tflite_runtime by importlib only.
DEVICE = {"click", "numpy", "PIL", "fmnist_runtime"}
HEAVY = {"tensorflow", "keras", "h5py"}
MOST_FILES = 12


def test_every_package_is_known() -> None:
    found = {path.parent.name: path.parents[1].name for path in ROOT.glob("*/fmnist_*/__init__.py")}
    assert found == PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_those_below_it(package: str) -> None:
    for name, path in modules(package).items():
        ours = {imported.partition(".")[0] for imported in imports(name, path)} & PACKAGES.keys()
        assert ours <= {package, *ARROWS[package]}, name


def test_the_runtime_imports_nothing_but_the_base_install() -> None:
    for name, path in modules("fmnist_runtime").items():
        others = {imported.partition(".")[0] for imported in imports(name, path)}
        assert others - sys.stdlib_module_names <= DEVICE, name


@pytest.mark.parametrize("package", ["fmnist_runtime", "fmnist_deploy"])
def test_nothing_on_the_device_imports_tensorflow_or_keras(package: str) -> None:
    for name, path in modules(package).items():
        assert not {imported.partition(".")[0] for imported in imports(name, path)} & HEAVY, name


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    """Imports inside functions count too: they hide a circle and do not end it."""
    known = modules(package)
    assert circle({name: arrows(name, path, known.keys()) for name, path in known.items()}) is None


@pytest.mark.parametrize("package", PACKAGES)
def test_no_rooms_import_each_other_in_a_circle(package: str) -> None:
    """Files at the top of a package belong to no room: some stand on the rooms, some below them."""
    known = modules(package)
    graph: dict[str, set[str]] = {room(name): set() for name in known}
    for name, path in known.items():
        graph[room(name)] |= {room(other) for other in arrows(name, path, known.keys())} - {room(name)}
    inner = {name: others - {""} for name, others in graph.items() if name}
    assert circle(inner) is None


def test_a_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def lazy():\n    from package.b import c\n")
    (tmp_path / "b.py").write_text("from package import a\n")
    files = {"package.a": tmp_path / "a.py", "package.b": tmp_path / "b.py"}
    graph = {name: arrows(name, path, files.keys()) for name, path in files.items()}
    assert graph == {"package.a": {"package.b"}, "package.b": {"package.a"}}
    assert circle(graph) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_a_room_has_at_most_a_dozen_files(package: str) -> None:
    folder = ROOT / PACKAGES[package] / package
    for inside in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        files = [path for path in inside.glob("*.py") if path.name != "__init__.py"]
        name = ".".join(inside.relative_to(folder.parent).parts)
        assert len(files) <= MOST_FILES, name


@cache
def modules(package: str) -> dict[str, Path]:
    """Every module of `package` by its full name; a package by the name of its folder."""
    folder = ROOT / PACKAGES[package]
    found = {}
    for path in sorted((folder / package).rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path) -> set[str]:
    """What the module `name` at `path` imports from, wherever in the file, for annotations too."""
    found = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8")), types=True):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports by dots"
            found.add(str(node.module))
    return found


def arrows(name: str, path: Path, known: Set[str]) -> set[str]:
    """The others of the modules `known` that the module `name` imports; `from room import file` is the file alone."""
    found = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8")), types=False):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {one if one in known else str(node.module) for one in inside}
    return found & known - {name}


def statements(tree: ast.AST, types: bool) -> Iterator[ast.AST]:
    """Every node below `tree`; without `types` not those in `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not types:
            continue
        yield node
        yield from statements(node, types)


def room(name: str) -> str:
    """The sub-package that the module `name` is in; empty for one at the top."""
    parts = name.split(".")
    return parts[1] if len(parts) > 2 else ""


def circle(graph: dict[str, set[str]]) -> list[str] | None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None


def test_the_page_has_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = [
        ".".join(path.parent.relative_to(ROOT / folder).parts)
        for package, folder in PACKAGES.items()
        for path in (ROOT / folder / package).rglob("*/__init__.py")
    ]
    assert len(rooms) > 30
    assert [room for room in rooms if f"| `{room}` |" not in page] == []
