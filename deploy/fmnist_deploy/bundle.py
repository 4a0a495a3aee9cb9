"""Make a bundle: one file with the wheels for a board, the models with their golden images, and the installer.

The installer is fmnist_deploy.target with the few modules that it imports. The board's Python runs it from inside the
file. The same wheels and models give the same bytes.
"""

import io
import json
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import fmnist_deploy
import fmnist_runtime
from fmnist_deploy import wheels
from fmnist_deploy.boards import Board
from fmnist_deploy.target.formats import archive
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.model import golden, model_file
from fmnist_runtime.model.shipped import DEFAULT, SHIPPED, model_path
from fmnist_runtime.system.digests import sha256

SCHEMA = 1
_DATE = (1980, 1, 1, 0, 0, 0)
_DEPLOY = ("__init__", "boards", *(f"target/{name}" for name in (
    "__init__", "formats/__init__", "formats/archive", "formats/wheel",
    "command", "connection", "contents", "installation", "interruption", "output", "ownership", "release", "service",
    "system", "textfile", "verification",
)))  # fmt: skip
_RUNTIME = ("__init__", "errors", "inference/__init__", "inference/installation", *(
    f"system/{name}" for name in ("__init__", "child", "locks", "processes", "terminal")
))  # fmt: skip
# Understood by every Python 3, to say in one line that it is too old.
_MAIN = """\
import sys
if sys.version_info < (3, 10):
    sys.stderr.write(
        "fmnist-bundle: Python %d.%d is too old: this bundle is for Python {python} ({boards}); "
        "install that Python, or the system that has it\\n"
        % sys.version_info[:2]
    )
    sys.exit(1)
try:
    from pathlib import Path
    from fmnist_deploy.target.command import main
    code = main(None, Path(sys.argv[0]))
except KeyboardInterrupt:
    sys.stderr.write("fmnist-bundle: interrupted; nothing was changed\\n")
    code = 130
sys.exit(code)
"""


@dataclass(frozen=True)
class BundledModel:
    """A model in a bundle: names and contents of its file and its golden file, and the runtimes it is proved on."""

    name: str
    content: bytes
    golden_name: str
    golden_content: bytes
    proved_on: tuple[str, ...]


def read_models(paths: list[Path]) -> list[BundledModel]:
    """Read the models `paths`, files or names of shipped models, each with the golden file beside it.

    Without paths, all shipped models. Raises FmnistError where one is damaged or has no golden file, and where two have
    the same name.
    """
    found: dict[str, BundledModel] = {}
    goldens: dict[str, bytes] = {}
    # The default first: a service uses the first model.
    names = [*paths] or [Path(name) for name in sorted(SHIPPED, key=lambda name: name != DEFAULT)]
    for path in map(model_path, names):
        file = model_file.read(path)
        # Where there is none, reading fails with the name that it would have.
        beside = golden.find(path) or path.with_name(golden.file_name(path.stem.rpartition("-")[0]))
        golden.read(beside)
        content = beside.read_bytes()
        for name in (path.name, beside.name):
            if not name.isprintable():
                raise FmnistError(f"{str(path)!r}: {name!r} holds a character that cannot be printed; rename it")
        if path.name in found or goldens.setdefault(beside.name, content) != content:
            raise FmnistError(
                f"{path}: another model of the bundle has the same name or the same golden name; rename it"
            )
        proofs = (file.description or {}).get("proofs", [])
        proved_on = tuple(proof["runtime"] for proof in proofs if isinstance(proof, dict) and "runtime" in proof)
        found[path.name] = BundledModel(
            name=path.name,
            content=model_file.content(file),
            golden_name=beside.name,
            golden_content=content,
            proved_on=proved_on,
        )
    return list(found.values())


def make(board: Board, models: list[BundledModel], wheel: Path | None = None) -> bytes:
    """The bundle for `board`; `wheel` is that of fmnist-edge, by default made from the installed one.

    Raises FmnistError where a wheel is unavailable.
    """
    with tempfile.TemporaryDirectory(prefix="fmnist-bundle-") as name:
        folder = Path(name)
        (folder / "own").mkdir()
        (folder / "needs").mkdir()
        own = wheel or wheels.make_own(folder / "own")
        contents = {f"wheels/{own.name}": _read_wheel(own)}
        contents |= {f"wheels/{path.name}": _read_wheel(path) for path in wheels.download(board, folder / "needs")}
    return pack(board, models, contents)


def pack(board: Board, models: list[BundledModel], wheel_contents: dict[str, bytes]) -> bytes:
    """The bundle as bytes, from its parts; `wheel_contents` holds the wheels by their names in the bundle."""
    members = {**wheel_contents}
    for model in models:
        members[f"models/{model.name}"] = model.content
        members[f"models/{model.golden_name}"] = model.golden_content
    manifest = {
        "schema": SCHEMA,
        "fmnist_edge": fmnist_runtime.__version__,
        "board": board.name,
        "boards": board.boards,
        "runtime": board.runtime,
        "python": list(board.python),
        "machine": board.machine,
        "bits": board.bits,
        "glibc": _oldest_glibc(wheel_contents),
        "system_packages": [list(pair) for pair in board.system_packages],
        "wheels": sorted(wheel_contents),
        "models": {f"models/{model.name}": {"golden": f"models/{model.golden_name}"} for model in models},
        "files": {name: {"bytes": len(content), "sha256": sha256(content)} for name, content in members.items()},
        "unpacked_bytes": _unpacked_bytes(wheel_contents) + sum(map(len, members.values())),
    }
    members["bundle.json"] = (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()
    members |= _installer(board)
    payload = _zip(members)
    # The wheel has the version of this package.
    header = archive.header(board.name, fmnist_runtime.__version__, board.python, len(payload), sha256(payload))
    return header + payload


def _installer(board: Board) -> dict[str, bytes]:
    python = ".".join(map(str, board.python))
    members = {"__main__.py": _MAIN.format(python=python, boards=board.boards).encode()}
    for package, names in ((fmnist_deploy, _DEPLOY), (fmnist_runtime, _RUNTIME)):
        folder = Path(str(package.__file__)).parent
        members |= {f"{package.__name__}/{name}.py": (folder / f"{name}.py").read_bytes() for name in names}
    return members


def _read_wheel(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(content)) as found:
            broken = found.testzip()
    except (OSError, zipfile.BadZipFile) as error:
        raise FmnistError(f"{path}: not a wheel ({error}); make it with: python -m build --wheel") from error
    if broken:
        raise FmnistError(f"{path}: {broken} in it is damaged; make or download the wheel again")
    return content


def _oldest_glibc(names: dict[str, bytes]) -> int:
    """The lowest minor version of glibc 2 on which all wheels run, by their manylinux tags."""
    needed = []
    for name in names:
        tags = name.removesuffix(".whl").rpartition("-")[2].split(".")
        minors = [int(tag.split("_")[2]) for tag in tags if tag.startswith("manylinux_")]
        needed.append(min(minors, default=17))
    return max(needed, default=17)


def _unpacked_bytes(contents: dict[str, bytes]) -> int:
    total = 0
    for content in contents.values():
        with zipfile.ZipFile(io.BytesIO(content)) as found:
            total += sum(member.file_size for member in found.infolist())
    return total


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as goal:
        for name, content in members.items():
            goal.writestr(zipfile.ZipInfo(name, _DATE), content)
    return buffer.getvalue()
