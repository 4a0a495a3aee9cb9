"""A userland for another architecture, made without root: apt with a folder of its own, packages only unpacked.

No scripts of packages run, and the host is not changed. The emulator comes from the same archive: qemu-user of trixie
is a static program. (bookworm's qemu 7.2 shows the host's /proc/cpuinfo, under which LiteRT dies.)
"""

import os
import shutil
import subprocess
from pathlib import Path

from fmnist_deploy.devices import sources
from fmnist_deploy.devices.cells import Userland
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system.digests import sha256

EMULATOR_SUITE, EMULATOR_PACKAGE = "trixie", "qemu-user"
_SECONDS = 300
_DONE = ".complete"
# A change of how userlands are made needs new folders, so a new number.
_FORMAT = 1


class UnavailableError(FmnistError):
    """A userland or the emulator cannot be fetched here; the message says why."""


def cache() -> Path:
    """The folder of userlands, emulator and wheels; it may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fmnist-edge" / "devices"


def prefix(userland: Userland) -> Path:
    """The folder of `userland`, whether it is made or not."""
    key = sha256(repr((_FORMAT, userland)).encode())[:12]
    return cache() / f"{userland.name}-{key}"


def is_made(userland: Userland) -> bool:
    """Whether `userland` and the emulator are in the cache."""
    return all((folder / _DONE).exists() for folder in (prefix(userland), _emulator_folder()))


def make(userland: Userland) -> Path:
    """Make `userland` at the first call; returns its root folder. Raises UnavailableError."""
    goal = prefix(userland)
    if not (goal / _DONE).exists():
        fill(goal, userland.suite, userland.architecture, ["install", "--download-only", "-y", *userland.packages])
        _alternatives(goal)
        (goal / _DONE).touch()
    return goal


def emulator(name: str) -> Path:
    """Fetch the static program `name`, such as qemu-aarch64, at the first call; its path. Raises UnavailableError."""
    folder = _emulator_folder()
    if not (folder / _DONE).exists():
        fill(folder, EMULATOR_SUITE, _host_architecture(), ["download", EMULATOR_PACKAGE])
        (folder / _DONE).touch()
    return folder / "usr/bin" / name


def processors(program: Path) -> set[str]:
    """The names that the emulator `program` accepts for -cpu."""
    text = subprocess.run([program, "-cpu", "help"], capture_output=True, text=True, check=False).stdout
    return set(text.split())


def fill(goal: Path, suite: str, architecture: str, words: list[str]) -> None:
    """Fetch packages with `apt-get WORDS` for `suite` and `architecture`, unpack them into the new folder `goal`."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise UnavailableError("apt-get and dpkg-deb are not on this machine; run it on Debian")
    try:
        stanza = sources.stanza(sources.read(), sources.codename(), suite)
    except FmnistError as error:
        raise UnavailableError(str(error)) from error
    shutil.rmtree(goal, ignore_errors=True)
    partial = goal.with_name(f"{goal.name}.partial-{os.getpid()}")
    apt = partial / "apt"
    try:
        for folder in ("state/lists/partial", "cache/archives/partial", "sources.d", "debs"):
            (apt / folder).mkdir(parents=True)
        (apt / "status").touch()
        (apt / "sources.d" / "debian.sources").write_text(stanza)
        command = ["apt-get", "-qq", *_options(apt, architecture)]
        what = f"Debian's {suite} for {architecture}"
        _run([*command, "update"], what)
        _run([*command, *words], what, folder=apt / "debs")
        archives = sorted([*(apt / "cache/archives").glob("*.deb"), *(apt / "debs").glob("*.deb")])
        root = partial / "root"
        _unpack(archives, root)
        shutil.rmtree(apt)
        root.replace(goal)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _emulator_folder() -> Path:
    return cache() / f"emulator-{EMULATOR_SUITE}-{_FORMAT}"


def _host_architecture() -> str:
    return _run(["dpkg", "--print-architecture"], "dpkg").strip()


def _options(apt: Path, architecture: str) -> list[str]:
    """Options that put the whole state of apt into the folder `apt`; proxies and keys of the host stay."""
    settings = {
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": apt / "sources.d",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "APT::Architecture": architecture,
        "APT::Architectures::": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "APT::Update::Error-Mode": "any",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _unpack(archives: list[Path], root: Path) -> None:
    root.mkdir()
    # The merged /usr, which scripts of packages would make; tar must follow these links.
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    if not archives:
        raise UnavailableError("apt-get fetched nothing; check its configuration")
    for archive in archives:
        content = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], capture_output=True, check=True).stdout
        tar = ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", str(root)]
        subprocess.run(tar, input=content, capture_output=True, check=True)


def _alternatives(root: Path) -> None:
    """The links that update-alternatives would make for numpy: the reference BLAS and LAPACK."""
    for library in root.glob("usr/lib/*/*/lib*.so.3"):
        if library.parent.name in ("blas", "lapack"):
            (library.parent.parent / library.name).symlink_to(f"{library.parent.name}/{library.name}")


def _run(command: list[str], goal: str, folder: Path | None = None) -> str:
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{goal} could not be fetched ({type(error).__name__}: {error})") from error
    if ended.returncode != 0:
        lines = [line for line in ended.stderr.splitlines() if line.startswith("E:")] or ended.stderr.splitlines()
        raise UnavailableError(f"{goal} could not be fetched ({lines[0] if lines else 'no reason given'})")
    return ended.stdout
