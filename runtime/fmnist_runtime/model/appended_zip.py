"""The ZIP after the flatbuffer of a model file: labels.txt and fmnist.json, read and written byte for byte.

Members are stored, dated 1980-01-01, without extra fields, so that the same members give the same bytes. What they
say is checked in fmnist_runtime.model.model_file and description.
Source of the layout of a ZIP: PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
"""

import struct
import zlib
from pathlib import Path

from fmnist_runtime.errors import DamagedModelError
from fmnist_runtime.model import description as descriptions

LABELS = "labels.txt"
DESCRIPTION = "fmnist.json"

# The limits of labels.txt: as many names as 16-bit answers can tell apart.
MAXIMUM_LABELS = 2**16
MAXIMUM_LABEL_LENGTH = 1000
MAXIMUM_LABELS_BYTES = 2**20

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION, _STORED, _DATE = 20, 0, 0x0021


def read_zip(content: bytes, path: Path) -> tuple[int, tuple[str, ...], bytes] | None:
    """The length of the flatbuffer, the labels and fmnist.json; None where `content` does not end in such a ZIP.

    Raises DamagedModelError for labels beyond the limits.
    """
    try:
        end = _END.unpack_from(content, len(content) - _END.size)
        if end[0] != b"PK\5\6" or end[7]:
            return None
        central, start = _CENTRAL.unpack_from(content, end[6]), end[6]
        offset, length = central[16], central[8]
        name_at = offset + _LOCAL.size
        if content[name_at : name_at + central[10]] != LABELS.encode():
            return None
        # The first member of TFLite's own metadata may be a labels.txt too.
        second_at = start + 2 * _CENTRAL.size + len(LABELS)
        if content[second_at : second_at + len(DESCRIPTION)] != DESCRIPTION.encode():
            return None
        labels_at = name_at + len(LABELS)
        text_at = labels_at + length + _LOCAL.size + len(DESCRIPTION)
        text_length = _CENTRAL.unpack_from(content, start + _CENTRAL.size + len(LABELS))[8]
        if length > MAXIMUM_LABELS_BYTES:
            raise DamagedModelError(
                f"{path}: {LABELS} takes {length:,} bytes, expected {MAXIMUM_LABELS_BYTES:,} at most"
            )
        labels = content[labels_at : labels_at + length].decode().splitlines()
        # One byte more than the limit shows that it is too long.
        text_length = min(text_length, descriptions.MAXIMUM_BYTES + 1)
        return offset, _checked_labels(labels, path), content[text_at : text_at + text_length]
    except (struct.error, UnicodeDecodeError):
        return None


def make_zip(members: dict[str, bytes], offset: int) -> bytes:
    """A ZIP of `members`, content by name, that starts at byte `offset` of its file."""
    local, central = b"", b""
    for member, content in members.items():
        name = member.encode()
        sizes = len(content), len(content), len(name), 0
        common = _VERSION, 0, _STORED, 0, _DATE, zlib.crc32(content), *sizes
        position = offset + len(local)
        central += _CENTRAL.pack(b"PK\1\2", _VERSION, *common, 0, 0, 0, 0, position) + name
        local += _LOCAL.pack(b"PK\3\4", *common) + name + content
    count = len(members)
    return local + central + _END.pack(b"PK\5\6", 0, 0, count, count, len(central), offset + len(local), 0)


def labels_text(labels: tuple[str, ...]) -> bytes:
    """The content of labels.txt: one label a line."""
    return "".join(f"{label}\n" for label in labels).encode()


def _checked_labels(labels: list[str], path: Path) -> tuple[str, ...]:
    if len(labels) > MAXIMUM_LABELS or any(len(label) > MAXIMUM_LABEL_LENGTH for label in labels):
        raise DamagedModelError(
            f"{path}: {len(labels):,} labels, the longest of {max(map(len, labels)):,} characters, expected at most "
            f"{MAXIMUM_LABELS:,} of {MAXIMUM_LABEL_LENGTH:,}; export the model with other --labels"
        )
    return tuple(labels)
