"""Unpack a bundle into a folder: a virtual environment with its wheels and commands, and the models.

The three parts of the environment (pyvenv.cfg, bin/python, site-packages; PEP 405) are written here: Debian's python3
has no ensurepip, and not always venv. No child process is needed.
"""

import compileall
import io
import os
import sys
import zipfile
from pathlib import Path

from fmnist_deploy.target import service
from fmnist_deploy.target.formats import wheel as wheel_format
from fmnist_deploy.target.formats.archive import Bundle
from fmnist_deploy.target.ownership import MANIFEST

# The commands of a device; the others need tensorflow.
_PACKAGES = ("fmnist_runtime.", "fmnist_benchmarks.")


def fill(archive: zipfile.ZipFile, bundle: Bundle, folder: Path, goal: Path, prefix: Path) -> None:
    """Unpack the bundle into `folder`, which will be renamed to `goal`, below `prefix`."""
    manifest = bundle.manifest
    python = goal / "bin" / "python"
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    _environment(folder, bool(manifest["system_packages"]))
    for name in manifest["wheels"]:
        with zipfile.ZipFile(io.BytesIO(archive.read(name))) as wheel:
            wheel_format.unpack(wheel, site)
            for command, (module, function) in wheel_format.commands(wheel).items():
                if module.startswith(_PACKAGES):
                    _script(folder / "bin" / command, wheel_format.script(str(python), module, function))
    _script(folder / "bin" / "fmnist-rollback", _rollback(str(python), prefix))
    _script(folder / "bin" / service.PROGRAM, wheel_format.script(str(python), service.MODULE, "main"))
    for name in manifest["models"]:
        for part in (name, manifest["models"][name]["golden"]):
            path = folder / part
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(archive.read(part))
    (folder / MANIFEST).write_bytes(bundle.content)


def compile_modules(folder: Path, goal: Path) -> None:
    """Write byte code for all modules, with their paths in `goal`, so that the first start is as fast as the second."""
    compileall.compile_dir(folder / "lib", quiet=2, stripdir=str(folder), prependdir=str(goal))


def _environment(folder: Path, system_packages: bool) -> None:
    base = Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()
    version = ".".join(map(str, sys.version_info[:3]))
    (folder / "pyvenv.cfg").write_text(
        f"home = {base.parent}\n"
        f"include-system-site-packages = {str(system_packages).lower()}\n"
        f"version = {version}\n"
        f"executable = {base}\n",
        encoding="utf-8",
    )
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(base)


def _script(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o777 & ~_umask())


def _rollback(python: str, prefix: Path) -> str:
    return (
        f"#!{python}\nimport sys\n\nfrom fmnist_deploy.target.command import main\n\n"
        f"sys.exit(main(['--rollback', '--prefix', {str(prefix)!r}, *sys.argv[1:]]))\n"
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
