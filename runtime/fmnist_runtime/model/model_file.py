"""The model file: an ordinary TFLite flatbuffer with a ZIP behind it that says what the model is.

    +------------------------------------------+
    | flatbuffer, as the converter wrote it,   |   interpreters and other tools read this and stop
    | its note replaced by MARKER              |
    +------------------------------------------+
    | ZIP: labels.txt, then fmnist.json,       |   `unzip` and Python's zipfile read this with nothing installed
    | stored, dated 1980-01-01, no extras      |
    +------------------------------------------+

Every byte of the ZIP follows from the flatbuffer, the labels and the description, so `read` writes it again and
compares: a file of which any byte was changed, lost or added is refused before an interpreter sees it. The marker in
the flatbuffer tells a file that lost its ZIP from one that never had one.
Source of the layout of a ZIP: PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
"""

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.flatbuffer import graph
from fmnist_runtime.flatbuffer.graph import Graph
from fmnist_runtime.model import description as descriptions
from fmnist_runtime.model.description import SCHEMA, DescriptionError
from fmnist_runtime.system import reading
from fmnist_runtime.system.atomic import sha256

MARKER = "fmnist-edge zip"
LABELS = "labels.txt"
DESCRIPTION = "fmnist.json"

# The largest model that is read: some 40 times the biggest that a classifier of 28x28 images has use for.
MAXIMUM_BYTES = 256 * 2**20
# What labels.txt may hold: as many names as answers of 16 bits tell apart.
MAXIMUM_LABELS = 2**16
MAXIMUM_LABEL_LENGTH = 1000
MAXIMUM_LABELS_BYTES = 2**20

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION, _STORED, _DATE = 20, 0, 0x0021


class ModelFile(NamedTuple):
    """A model file in memory. `labels` and `description` are None for a .tflite that describes nothing."""

    path: Path
    flatbuffer: bytes
    graph: Graph
    labels: tuple[str, ...] | None
    description: dict[str, Any] | None


def read(path: Path) -> ModelFile:
    """The model file at `path`, every check made that needs no interpreter.

    Raises ModelFileError where it is missing, not a model, cut short or changed.
    """
    return parse(_read_content(path), path)


def parse(content: bytes, path: Path, model: Graph | None = None) -> ModelFile:
    """The model file that `content` holds; `path` is for the messages. Raises ModelFileError as `read` does.

    `model` is the graph in `content`, where the caller has parsed it already.
    """
    zipped = _members(content, path)
    if zipped is None:
        model = _graph(content, path)
        if model.description == MARKER:
            raise ModelFileError(f"{path}: cut short, the description behind the model is missing; copy the file again")
        return ModelFile(path, content, model, None, None)
    size, labels, text = zipped
    flatbuffer = content[:size]
    description = _description(text, path)
    stated = description["flatbuffer"]
    if stated != {"bytes": size, "sha256": sha256(flatbuffer)} or pack(flatbuffer, labels, description) != content:
        raise ModelFileError(
            f"{path}: damaged, its bytes are not those that were exported (SHA-256 of the model is "
            f"{sha256(flatbuffer)[:12]}…, its description says {str(stated.get('sha256'))[:12]}…); copy the file again"
        )
    if description.get("labels_sha256") != sha256(_labels_text(labels)):
        raise ModelFileError(f"{path}: its labels are not those that were exported; copy or export the file again")
    try:
        descriptions.check(description)
    except DescriptionError as error:
        raise ModelFileError(f"{path}: {error}; export the model again") from error
    return ModelFile(path, flatbuffer, model or _graph(flatbuffer, path), labels, description)


def mark(flatbuffer: bytes, model: Graph | None = None) -> bytes:
    """`flatbuffer` with the converter's note replaced by MARKER, in place: no other byte and no offset changes.

    `model` is its graph, where the caller has parsed it already. Raises ModelFileError where the note is not of the
    marker's length, as another converter might write it.
    """
    note = (model or graph.read(flatbuffer)).description.encode()
    marker = MARKER.encode()
    if len(note) != len(marker) or flatbuffer.count(note) != 1:
        raise ModelFileError(
            f"the converter's note is {note!r}, expected one of {len(marker)} bytes; use TensorFlow 2.21"
        )
    return flatbuffer.replace(note, marker)


def describe(flatbuffer: bytes, labels: tuple[str, ...], model: Graph | None = None, **facts: Any) -> dict[str, Any]:
    """The description of a marked `flatbuffer`: its schema, length, digests and operators, then `facts`.

    `model` is its graph, where the caller has parsed it already.
    """
    model = model or graph.read(flatbuffer)
    return {
        "schema": SCHEMA,
        "flatbuffer": {"bytes": len(flatbuffer), "sha256": sha256(flatbuffer)},
        "labels_sha256": sha256(_labels_text(labels)),
        "operators": [{"name": name, "version": version} for name, version in model.versions.items()],
        **facts,
    }


def pack(flatbuffer: bytes, labels: tuple[str, ...], description: dict[str, Any]) -> bytes:
    """The model file's bytes. The same arguments give the same bytes.

    The description is written without blanks, which would be a fiftieth of a file of 32 KB.
    """
    members = {
        LABELS: _labels_text(labels),
        DESCRIPTION: (json.dumps(description, separators=(",", ":"), sort_keys=True) + "\n").encode(),
    }
    return flatbuffer + _zip(members, len(flatbuffer))


def content(file: ModelFile) -> bytes:
    """The bytes that `file` was read from."""
    if file.labels is None or file.description is None:
        return file.flatbuffer
    return pack(file.flatbuffer, file.labels, file.description)


def _read_content(path: Path) -> bytes:
    with reading.opened(path, "a .tflite file", ModelFileError) as file:
        start = file.read(200)
        if start[4:8] != graph.IDENTIFIER:
            _graph(start, path)  # raises, and says what it is instead, without reading all of it
        size = os.fstat(file.fileno()).st_size
        if size > MAXIMUM_BYTES:
            raise ModelFileError(f"{path}: {size:,} bytes, expected a model of at most {MAXIMUM_BYTES:,}")
        return start + file.read(MAXIMUM_BYTES)


def _graph(flatbuffer: bytes, path: Path) -> Graph:
    try:
        return graph.read(flatbuffer)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {_kind(flatbuffer) or error}") from error


def _kind(content: bytes) -> str:
    """What a file that is no model at all looks like, with what to do; empty where nothing better can be said."""
    start = content[:200].lstrip().lower()
    if not content:
        return "empty, expected a .tflite model; copy or export the file again"
    if start.startswith(b"version https://git-lfs"):
        return "a git-lfs pointer, not the model it points to; run: git lfs pull"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return 'a web page, not a model; download the file itself (the "raw" link)'
    if content[:4] == b"PK\3\4":
        return "a ZIP or .keras file, expected a .tflite model; convert it with fmnist-export"
    if content[:8] == b"\x89HDF\r\n\x1a\n":
        return "an HDF5 file, expected a .tflite model; convert it with fmnist-export"
    return ""


def _members(content: bytes, path: Path) -> tuple[int, tuple[str, ...], bytes] | None:
    """Length of the flatbuffer, labels and fmnist.json of a described file; None where `content` describes nothing.

    Raises ModelFileError for labels beyond the limits.
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
        # TFLite's own metadata may begin with a labels.txt too.
        second_at = start + 2 * _CENTRAL.size + len(LABELS)
        if content[second_at : second_at + len(DESCRIPTION)] != DESCRIPTION.encode():
            return None
        labels_at = name_at + len(LABELS)
        text_at = labels_at + length + _LOCAL.size + len(DESCRIPTION)
        text_length = _CENTRAL.unpack_from(content, start + _CENTRAL.size + len(LABELS))[8]
        if length > MAXIMUM_LABELS_BYTES:
            raise ModelFileError(f"{path}: {LABELS} takes {length:,} bytes, expected {MAXIMUM_LABELS_BYTES:,} at most")
        labels = content[labels_at : labels_at + length].decode().splitlines()
        # No more than what shows that it is too long.
        text_length = min(text_length, descriptions.MAXIMUM_BYTES + 1)
        return offset, _checked_labels(labels, path), content[text_at : text_at + text_length]
    except (struct.error, UnicodeDecodeError):
        return None


def _checked_labels(labels: list[str], path: Path) -> tuple[str, ...]:
    if len(labels) > MAXIMUM_LABELS or any(len(label) > MAXIMUM_LABEL_LENGTH for label in labels):
        raise ModelFileError(
            f"{path}: {len(labels):,} labels, the longest of {max(map(len, labels)):,} characters, expected at most "
            f"{MAXIMUM_LABELS:,} of {MAXIMUM_LABEL_LENGTH:,}; export the model with other --labels"
        )
    return tuple(labels)


def _description(text: bytes, path: Path) -> dict[str, Any]:
    try:
        found = descriptions.parse(text)
    except DescriptionError as error:
        raise ModelFileError(f"{path}: damaged, {error}; copy the file again, or export it again") from error
    if type(found.get("schema")) is not int or found["schema"] != SCHEMA:
        raise ModelFileError(
            f"{path}: its description has schema {ascii(found.get('schema'))[:60]}, this fmnist-edge reads {SCHEMA}; "
            f"install the fmnist-edge that wrote it, or a newer one"
        )
    return found


def _labels_text(labels: tuple[str, ...]) -> bytes:
    return "".join(f"{label}\n" for label in labels).encode()


def _zip(members: dict[str, bytes], offset: int) -> bytes:
    """A ZIP of stored `members` that lies `offset` bytes into its file. The same members give the same bytes."""
    local, central = b"", b""
    for member, content in members.items():
        name = member.encode()
        common = (
            _VERSION,
            0,
            _STORED,
            0,
            _DATE,
            zlib.crc32(content),
            len(content),
            len(content),
            len(name),
            0,
        )
        position = offset + len(local)
        central += _CENTRAL.pack(b"PK\1\2", _VERSION, *common, 0, 0, 0, 0, position) + name
        local += _LOCAL.pack(b"PK\3\4", *common) + name + content
    count = len(members)
    return local + central + _END.pack(b"PK\5\6", 0, 0, count, count, len(central), offset + len(local), 0)
