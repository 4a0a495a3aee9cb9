"""apt's configuration read as apt writes it."""

from pathlib import Path

import pytest

from fmnist_deploy.devices import sources
from fmnist_runtime.errors import FmnistError

_DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://archive.example/debian/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""
_LIST = """\
# deb http://off.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/old.gpg] http://old.example/debian bullseye main non-free # why
deb-src http://old.example/debian bullseye main
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "etc/apt/sources.list.d"
    folder.mkdir(parents=True)
    (folder / "debian.sources").write_text(_DEB822)
    (folder / "old.list").write_text(_LIST)
    (tmp_path / "etc/os-release").write_text('NAME="Debian"\nVERSION_CODENAME=bookworm\n')
    return tmp_path


def test_both_formats_are_read_without_disabled_stanzas(root: Path) -> None:
    found = sources.read(root)
    assert [source.uri for source in found] == ["http://archive.example/debian/", "http://old.example/debian"]
    assert found[0].suites == ("bookworm", "bookworm-updates")
    assert found[1].signed_by == "/usr/share/keyrings/old.gpg"
    assert sources.codename(root) == "bookworm"


def test_another_release_is_the_same_archive_with_another_suite(root: Path) -> None:
    assert sources.stanza(sources.read(root), "bookworm", "trixie") == (
        "Types: deb\nURIs: http://archive.example/debian/\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/archive.gpg\n"
    )


def test_a_system_other_than_debian_is_refused(tmp_path: Path) -> None:
    assert sources.read(tmp_path) == []
    assert sources.codename(tmp_path) == ""
    with pytest.raises(FmnistError, match="which would have Debian's trixie; run it on a Debian machine"):
        sources.stanza([], "", "trixie")
