"""What tests need of the machine itself, and the visible skip where it is missing. `.ci/run` sets all of it up as root.

A test that asks for one of these carries the marker `host`.
"""

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers import ROOT

# Where .ci/run mounts a file system of 24 MB.
SMALL_DISK = ROOT / "build" / "small-disk"


def program(*names: str, package: str) -> str:
    """The path of the first of `names` that is installed; skips the test where none is. `package` is Debian's."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    return pytest.skip(f"{names[0]} is missing on this machine; run: apt-get install {package} (.ci/run does)")


def small_disk() -> Path:
    """The empty file system of 24 MB; skips the test where none is mounted."""
    if not SMALL_DISK.is_mount():
        mount = f"mount -t tmpfs -o size=24m tmpfs {SMALL_DISK}"
        pytest.skip(f"no small file system is mounted; run as root: mkdir -p {SMALL_DISK}; {mount} (.ci/run does)")
    for path in SMALL_DISK.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return SMALL_DISK


@functools.cache
def without_network() -> tuple[str, ...]:
    """The words before a command that cut its network off, where this machine allows it; else none."""
    words = ("unshare", "-n")
    if shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
        return words
    return ()
