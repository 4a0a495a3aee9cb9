"""A real systemd for tests, as process 1 of name spaces of its own, which end with it."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from waiting import HANG_SECONDS

_PROGRAM = Path("/lib/systemd/systemd")
# The units that a service and a socket are ordered after, without what a machine's own do.
_TARGETS = ("sysinit", "basic", "sockets", "shutdown", "test")
# /opt, /run and a copy of /etc are the name space's own.
_START = """\
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /opt
cp -a /etc /run/etc
mount --bind /run/etc /etc
mkdir -p /run/systemd/system
for target in {targets}; do printf '[Unit]\\nDefaultDependencies=no\\n' >/run/systemd/system/$target.target; done
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test SYSTEMD_UNIT_PATH=/run/systemd/system \\
    {program} --system --unit=test.target --log-target=console --log-level=warning
"""


@dataclass(frozen=True)
class Systemd:
    """The process number of the systemd in this name space."""

    process: int

    def run(self, *words: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program where the systemd is; output as text."""
        enter = ["nsenter", "-t", str(self.process), "-m", "-p", "-n", "-u", "-i", "-C"]
        variables = {"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [*enter, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=variables,
            **options,
        )


@contextmanager
def started() -> Iterator[Systemd]:
    """A systemd that is up; skips where it is missing or cannot be started."""
    if os.geteuid() != 0 or not _PROGRAM.exists() or not shutil.which("unshare"):
        pytest.skip(
            "a systemd of its own needs root, unshare and systemd; run as root: apt-get install systemd util-linux"
        )
    words = ["unshare", "--kill-child", "--pid", "--fork", "--mount", "--cgroup", "--uts", "--ipc", "--net"]
    script = _START.format(targets=" ".join(_TARGETS), program=_PROGRAM)
    with subprocess.Popen([*words, "sh", "-c", script], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as outer:
        try:
            yield _wait(outer)
        finally:
            outer.kill()


def _wait(outer: "subprocess.Popen[bytes]") -> Systemd:
    end = time.monotonic() + HANG_SECONDS
    while time.monotonic() < end:
        if outer.poll() is not None:
            said = (outer.stderr.read() if outer.stderr else b"").decode("utf-8", "replace").strip()
            pytest.skip(f"systemd does not start here: {said[-200:]}")
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        if children:
            systemd = Systemd(int(children[0]))
            if systemd.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"):
                return systemd
        time.sleep(0.1)
    pytest.skip("systemd is not up here after 2 minutes")
