"""The archive of this machine's Debian packages, for another release or architecture.

It is read from the configuration of apt: the stanza of Debian's main archive for this machine's own release (deb822
.sources or one-line .list; man sources.list). Another release is another suite of the same archive.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from fmnist_runtime.errors import FmnistError


@dataclass(frozen=True)
class Source:
    """An archive: its address, the suites that apt takes from it, and the keyring that signs it, if one is named."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str | None


def read(root: Path = Path("/")) -> list[Source]:
    """The binary archives in the configuration of apt below `root`, without stanzas that are switched off."""
    folder = root / "etc/apt"
    found = []
    for path in sorted((folder / "sources.list.d").glob("*.sources")):
        found += _deb822(path.read_text())
    lists = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.list"))]
    for path in lists:
        if path.is_file():
            found += _one_line(path.read_text())
    return found


def stanza(sources: list[Source], codename: str, suite: str) -> str:
    """A deb822 stanza for `suite` of the archive that has `codename`, this machine's own release, with "main".

    Raises FmnistError where there is none, as on a system that is not Debian.
    """
    for source in sources:
        if codename in source.suites and "main" in source.components:
            signed = f"Signed-By: {source.signed_by}\n" if source.signed_by else ""
            return f"Types: deb\nURIs: {source.uri}\nSuites: {suite}\nComponents: main\n{signed}"
    raise FmnistError(
        f"apt here has no archive with the release {codename!r}, which would have Debian's {suite}; "
        f"run it on a Debian machine"
    )


def codename(root: Path = Path("/")) -> str:
    """This machine's release, such as "bookworm"; empty where /etc/os-release does not state it."""
    try:
        text = (root / "etc/os-release").read_text()
    except OSError:
        return ""
    found = re.search(r"^VERSION_CODENAME=\"?([\w-]+)", text, re.MULTILINE)
    return found[1] if found else ""


def _deb822(text: str) -> list[Source]:
    found = []
    for block in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace():
                fields[key] = f"{fields.get(key, '')} {line.strip()}"
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.lower()
                fields[key] = value.strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() != "no":
            suites, components = (tuple(fields.get(name, "").split()) for name in ("suites", "components"))
            signed = fields.get("signed-by")
            key_is_a_file = bool(signed and signed.startswith("/"))
            found += [
                Source(uri, suites, components, signed if key_is_a_file else None)
                for uri in fields.get("uris", "").split()
            ]
    return found


def _one_line(text: str) -> list[Source]:
    found = []
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+(.+)$", line.partition("#")[0].strip())
        if match:
            options = dict(word.partition("=")[::2] for word in (match[1] or "").split())
            found.append(Source(match[2], (match[3],), tuple(match[4].split()), options.get("signed-by")))
    return found
