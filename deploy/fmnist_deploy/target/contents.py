"""Files in a version's folder that its bundle did not bring, and that somebody would lose with the folder."""

import contextlib
import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path

from fmnist_deploy.target.formats import wheel as wheel_format
from fmnist_deploy.target.ownership import MANIFEST, MARK, manifest_of
from fmnist_deploy.target.textfile import read_text


def foreign_file(folder: Path) -> str | None:
    """A file or folder in the version `folder` that its bundle did not bring; None where there is none."""
    bundled = _bundled_files(folder)
    parents = {str(parent) for name in bundled for parent in Path(name).parents}
    for place, folders, files in os.walk(folder):
        here = Path(place).relative_to(folder)
        for name in folders:
            path = here / name
            known = str(path) in parents or (name == "__pycache__" and str(here) in parents)
            if not known or (folder / path).is_symlink():
                return str(path)
        for name in files:
            if str(here / name) not in bundled and not _is_byte_code(here / name, bundled):
                return str(here / name)
    return None


def _bundled_files(folder: Path) -> set[str]:
    """The files, relative to the version `folder`, that the bundle brought or that the installer wrote."""
    manifest = manifest_of(folder) or {"models": {}}
    names = {MANIFEST, MARK, "pyvenv.cfg", "bin/python", "bin/python3"}
    for model, entry in manifest["models"].items():
        names |= {model, str(entry.get("golden"))}
    names |= {f"bin/{path.name}" for path in (folder / "bin").glob("fmnist-*") if _is_script(path)}
    wheels = {_plain("-".join(Path(str(name)).name.split("-")[:2])) for name in manifest.get("wheels", ())}
    for site in folder.glob("lib/python3.*/site-packages"):
        for info in site.glob("*.dist-info"):
            if _plain(info.name.removesuffix(".dist-info")) in wheels:
                names |= {str(site.relative_to(folder) / name) for name in _recorded(info / "RECORD")}
    return names


def _recorded(record: Path) -> Iterator[str]:
    for row in csv.reader((read_text(record) or "").splitlines()):
        with contextlib.suppress(wheel_format.WheelError):
            place = wheel_format.destination(row[0]) if row else None
            if place:
                yield place


def _is_script(path: Path) -> bool:
    """Whether `path` is a command that the installer wrote for the version it lies in."""
    python = re.escape(f"/{path.parent.parent.name}/bin/python")
    return bool(re.match(rf"#!/.*{python}\nimport sys\n\nfrom fmnist_", read_text(path) or ""))


def _is_byte_code(path: Path, bundled: set[str]) -> bool:
    # A process that was killed while it wrote byte code leaves a number behind the name.
    found = re.fullmatch(r"(.+)\.cpython-\d+(\.opt-\d)?\.pyc(\.\d+)?", path.name)
    if found is None or path.parent.name != "__pycache__":
        return False
    return f"{path.parent.parent / found[1]}.py" in bundled


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
