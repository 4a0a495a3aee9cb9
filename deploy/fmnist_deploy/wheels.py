"""The wheels that a board needs: fmnist-edge's own, and those that pip downloads for the board."""

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fmnist_deploy.boards import Board
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system import processes

DISTRIBUTION = "fmnist-edge"
_SECONDS = 600
_DATE = (1980, 1, 1, 0, 0, 0)
# Files that an installer adds to those of the wheel.
_NOT_OF_THE_WHEEL = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def download(board: Board, folder: Path) -> list[Path]:
    """Download the wheels of `board.requirements` into the empty `folder` with pip; returns the sorted paths.

    pip uses its configuration on this machine. Raises FmnistError with pip's last line where a wheel is unavailable.
    """
    pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--dest", str(folder)]
    # Without a wheel of numpy the resolver would stop at tflite-runtime, which needs it.
    pip += ["--no-deps"] if board.system_packages else []
    _run([*pip, *board.pip_tags, *board.requirements], f"the wheels of {board.name}")
    return sorted(folder.glob("*.whl"))


def make_own(folder: Path) -> Path:
    """Make fmnist-edge's own wheel in `folder`, from the source of an editable install, else from the installed files.

    Raises FmnistError where fmnist-edge is not installed or the wheel cannot be built.
    """
    try:
        installed = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError as error:
        raise FmnistError(f"{DISTRIBUTION} is not installed in this Python; name its wheel with --wheel") from error
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return repack(installed, folder)
    source = unquote(urlsplit(origin["url"]).path)
    _run([sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), source], f"the wheel of {DISTRIBUTION}")
    return next(folder.glob("fmnist_edge-*.whl"))


def repack(installed: metadata.Distribution, folder: Path) -> Path:
    """Pack the files of the pure Python distribution `installed` into a wheel again, without those of the installer."""
    goal = folder / f"{installed.name.replace('-', '_')}-{installed.version}-py3-none-any.whl"
    names = [
        file
        for file in installed.files or []
        if not file.is_absolute()
        and file.parts[0] != ".."
        and "__pycache__" not in file.parts
        and not (file.parent.name.endswith(".dist-info") and file.name in _NOT_OF_THE_WHEEL)
    ]
    info = next(file.parent for file in names if file.name == "METADATA" and file.parent.name.endswith(".dist-info"))
    record = ""
    with zipfile.ZipFile(goal, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(map(str, names)):
            content = Path(str(installed.locate_file(name))).read_bytes()
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record += f"{name},sha256={digest},{len(content)}\n"
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD", _DATE), f"{record}{info}/RECORD,,\n")
    return goal


def _run(command: list[str], goal: str) -> None:
    try:
        ended = processes.run(command, seconds=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise FmnistError(f"{goal}: not finished within {_SECONDS} s; check the network and try again") from error
    if ended.returncode != 0:
        lines = (ended.stderr.strip() or ended.stdout.strip() or "no reason given").splitlines()
        errors = [line for line in lines if "ERROR" in line] or lines
        raise FmnistError(
            f"{goal} are unavailable ({errors[-1].strip()}); check the network and the configuration of pip"
        )
