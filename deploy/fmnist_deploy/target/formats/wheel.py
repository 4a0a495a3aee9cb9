"""Unpacking wheels without pip, which Debian's python3 lacks.

Source of the format: the Python Packaging User Guide, "Binary distribution format". Names must stay
inside the folder, and each file must match the wheel's own RECORD.
"""

import base64
import configparser
import csv
import hashlib
import io
import zipfile
from pathlib import Path, PurePosixPath

# The schemes of a wheel's .data folder that hold modules; scripts, headers and data have no use on a board.
_MODULES = ("purelib", "platlib")


class WheelError(Exception):
    """A wheel is damaged, or a name in it leads out of its folder."""


def unpack(wheel: zipfile.ZipFile, site: Path) -> None:
    """Unpack the modules of `wheel` into the folder `site`. Raises WheelError, and OSError where the disk fails."""
    info = _info(wheel)
    digests = {row[0]: row[1] for row in csv.reader(io.StringIO(wheel.read(f"{info}/RECORD").decode())) if row}
    for member in wheel.infolist():
        relative = destination(member.filename)
        if member.is_dir() or relative is None:
            continue
        content = wheel.read(member)
        expected = digests.get(member.filename)
        if expected is None or (expected and expected != _digest(content, expected)):
            raise WheelError(f"{member.filename} is not the file that its wheel lists; make the bundle again")
        goal = site / relative
        goal.parent.mkdir(parents=True, exist_ok=True)
        goal.write_bytes(content)


def commands(wheel: zipfile.ZipFile) -> dict[str, tuple[str, str]]:
    """The console scripts of `wheel`: {command: (module, function)}."""
    try:
        text = wheel.read(f"{_info(wheel)}/entry_points.txt").decode()
    except KeyError:
        return {}
    parser = configparser.ConfigParser(delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(text)
    found = {}
    for name, value in parser.items("console_scripts") if parser.has_section("console_scripts") else ():
        module, _, function = value.partition(":")
        found[name] = (module.strip(), function.strip())
    return found


def script(python: str, module: str, function: str) -> str:
    """The text of a console script."""
    return f"#!{python}\nimport sys\n\nfrom {module} import {function}\n\nsys.exit({function}())\n"


def destination(name: str) -> str | None:
    """The path of the member `name` below site-packages, None for no module. Raises WheelError for a path outside."""
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name:
        raise WheelError(f"{name!r} in a wheel leads out of its folder; make the bundle again")
    if parts and parts[0].endswith(".data"):
        return str(PurePosixPath(*parts[2:])) if len(parts) > 2 and parts[1] in _MODULES else None
    return name


def _info(wheel: zipfile.ZipFile) -> str:
    found = {name.split("/")[0] for name in wheel.namelist() if name.split("/")[0].endswith(".dist-info")}
    if len(found) != 1:
        raise WheelError(f"a wheel has one .dist-info folder, this has {len(found)}; make the bundle again")
    return found.pop()


def _digest(content: bytes, like: str) -> str:
    algorithm = like.partition("=")[0]
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
