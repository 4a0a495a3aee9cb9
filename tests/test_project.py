"""What holds for the repository as a whole: its version, its commands, its size, and the archives made of it."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from helpers import BIN, ROOT

import fmnist_runtime

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")

# What git tracks and the source archive leaves out.
_NOT_IN_THE_SDIST: set[str] = set()


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel as `make dist` builds them."""
    folder = tmp_path_factory.mktemp("dist")
    for kind in ("--sdist", "--wheel"):
        command = [sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", folder, ROOT]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return folder


def test_the_version_is_written_once_and_the_same_everywhere(project: dict, archives: Path) -> None:
    version = fmnist_runtime.__version__
    assert project["project"]["dynamic"] == ["version"]
    assert sorted(path.name for path in archives.iterdir()) == [
        f"fmnist_edge-{version}-py3-none-any.whl",
        f"fmnist_edge-{version}.tar.gz",
    ]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_sdist_holds_all_that_git_tracks(archives: Path) -> None:
    """So that `make demo` and `make test` work in it."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("this is no git checkout, so nothing says which files are the project's")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = {name for name in listed.split("\0") if name and (ROOT / name).exists()}
    (path,) = archives.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        modes = {member.name.partition("/")[2]: member.mode for member in archive.getmembers() if not member.isdir()}
    assert tracked - set(modes) == _NOT_IN_THE_SDIST
    programs = [name for name in tracked & set(modes) if (ROOT / name).stat().st_mode & 0o100]
    assert ".ci/run" in programs
    assert [name for name in programs if not modes[name] & 0o100] == []


def test_the_wheel_holds_the_packages_and_their_data(project: dict, archives: Path) -> None:
    (path,) = archives.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        held = set(archive.namelist())
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        folder = ROOT / package
        files = (one for one in folder.rglob("*") if one.is_file() and "__pycache__" not in one.parts)
        assert {str(one.relative_to(folder.parent)) for one in files} <= held
    assert not [name for name in held if name.startswith("tests/")]


def test_every_command_is_in_the_readme_and_answers_help(project: dict) -> None:
    readme = (ROOT / "README.md").read_text()
    for name in project["project"]["scripts"]:
        assert f"`{name}" in readme
        output = subprocess.check_output([BIN / name, "--help"], text=True)
        assert output.startswith(f"Usage: {name}")


def test_the_shipped_models_are_small() -> None:
    models = list((ROOT / "runtime" / "fmnist_runtime" / "models").glob("*"))
    assert models
    assert sum(path.stat().st_size for path in models) < 450_000
