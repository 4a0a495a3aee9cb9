"""The model file: an ordinary TFLite flatbuffer, followed by a ZIP that describes the model.

    +------------------------------------------+
    | flatbuffer, as the converter wrote it,   |   interpreters and other tools read this and stop
    | its note replaced by MARKER              |
    +------------------------------------------+
    | ZIP: labels.txt, then fmnist.json,       |   `unzip` and Python's zipfile read this with nothing installed
    | stored, dated 1980-01-01, no extras      |
    +------------------------------------------+

Every byte of the ZIP follows from the flatbuffer, the labels and the description. So `read` writes it again and
compares: a file in which any byte was changed, lost or added is refused before an interpreter sees it. The marker in
the flatbuffer tells a file that lost its ZIP from one that never had one.

This module builds no interpreter and does not interpret the description (fmnist_runtime.model.interface).
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from fmnist_runtime.errors import DamagedModelError, DescriptionError, ModelFileError
from fmnist_runtime.flatbuffer import graph
from fmnist_runtime.flatbuffer.graph import Graph
from fmnist_runtime.model import appended_zip
from fmnist_runtime.model import description as descriptions
from fmnist_runtime.model.description import SCHEMA
from fmnist_runtime.system import reading
from fmnist_runtime.system.digests import sha256

MARKER = "fmnist-edge zip"

# The largest model that is read: some 40 times the largest that is of use for 28x28 images.
MAXIMUM_BYTES = 256 * 2**20


class ModelFile(NamedTuple):
    """A model file in memory. `labels` and `description` are None for a plain .tflite."""

    path: Path
    flatbuffer: bytes
    graph: Graph
    labels: tuple[str, ...] | None
    description: dict[str, Any] | None


def read(path: Path) -> ModelFile:
    """The model file at `path`, after every check that needs no interpreter.

    Raises ModelFileError where it is missing, unreadable or too large, DamagedModelError where it is not a model, cut
    short or changed, DescriptionError where its description is invalid, InterfaceError as `graph.read`.
    """
    return parse(_read_content(path), path)


def parse(content: bytes, path: Path, model: Graph | None = None) -> ModelFile:
    """The model file in the bytes `content`; `path` is for the messages. Raises as `read`.

    `model` is its graph, if the caller has parsed it already.
    """
    zipped = appended_zip.read_zip(content, path)
    if zipped is None:
        model = _graph(content, path)
        if model.description == MARKER:
            raise DamagedModelError(
                f"{path}: cut short, the description after the model is missing; copy the file again"
            )
        return ModelFile(path, content, model, None, None)
    size, labels, text = zipped
    flatbuffer = content[:size]
    description = _description(text, path)
    stated = description["flatbuffer"]
    if stated != {"bytes": size, "sha256": sha256(flatbuffer)} or pack(flatbuffer, labels, description) != content:
        raise DamagedModelError(
            f"{path}: damaged, its bytes are not those that were exported (SHA-256 of the model is "
            f"{sha256(flatbuffer)[:12]}…, its description says {str(stated.get('sha256'))[:12]}…); copy the file again"
        )
    if description.get("labels_sha256") != sha256(appended_zip.labels_text(labels)):
        raise DamagedModelError(f"{path}: its labels are not those that were exported; copy or export the file again")
    try:
        descriptions.check(description)
    except DescriptionError as error:
        raise DescriptionError(f"{path}: {error}; export the model again") from error
    return ModelFile(path, flatbuffer, model or _graph(flatbuffer, path), labels, description)


def mark(flatbuffer: bytes, model: Graph | None = None) -> bytes:
    """`flatbuffer` with the converter's note replaced by MARKER, in place: no other byte and no offset changes.

    `model` is its graph, if the caller has parsed it already. Raises ModelFileError where the note is not as long as
    the marker, as another converter might write it.
    """
    note = (model or graph.read(flatbuffer)).description.encode()
    marker = MARKER.encode()
    if len(note) != len(marker) or flatbuffer.count(note) != 1:
        raise ModelFileError(
            f"the converter's note is {note!r}, expected one of {len(marker)} bytes; use TensorFlow 2.21"
        )
    return flatbuffer.replace(note, marker)


def describe(flatbuffer: bytes, labels: tuple[str, ...], model: Graph | None = None, **facts: Any) -> dict[str, Any]:
    """The description of a marked `flatbuffer`: schema, length, digests and operators, followed by `facts`.

    `model` is its graph, if the caller has parsed it already.
    """
    model = model or graph.read(flatbuffer)
    return {
        "schema": SCHEMA,
        "flatbuffer": {"bytes": len(flatbuffer), "sha256": sha256(flatbuffer)},
        "labels_sha256": sha256(appended_zip.labels_text(labels)),
        "operators": [{"name": name, "version": version} for name, version in model.versions.items()],
        **facts,
    }


def pack(flatbuffer: bytes, labels: tuple[str, ...], description: dict[str, Any]) -> bytes:
    """The bytes of a model file. The same arguments give the same bytes.

    The description is written without blanks, which would be a fiftieth of a file of 32 KB.
    """
    members = {
        appended_zip.LABELS: appended_zip.labels_text(labels),
        appended_zip.DESCRIPTION: (json.dumps(description, separators=(",", ":"), sort_keys=True) + "\n").encode(),
    }
    return flatbuffer + appended_zip.make_zip(members, len(flatbuffer))


def content(file: ModelFile) -> bytes:
    """The bytes that `file` was read from."""
    if file.labels is None or file.description is None:
        return file.flatbuffer
    return pack(file.flatbuffer, file.labels, file.description)


def _read_content(path: Path) -> bytes:
    with reading.open_file(path, "a .tflite file", ModelFileError) as file:
        start = file.read(200)
        if start[4:8] != graph.IDENTIFIER:
            _graph(start, path)  # raises and says what the file is instead, without reading all of it
        size = os.fstat(file.fileno()).st_size
        if size > MAXIMUM_BYTES:
            raise ModelFileError(f"{path}: {size:,} bytes, expected a model of at most {MAXIMUM_BYTES:,}")
        return start + file.read(MAXIMUM_BYTES)


def _graph(flatbuffer: bytes, path: Path) -> Graph:
    try:
        return graph.read(flatbuffer)
    except ModelFileError as error:
        raise type(error)(f"{path}: {_file_kind(flatbuffer) or error}") from error


def _file_kind(content: bytes) -> str:
    """What kind of other file `content` is, with what to do; empty where that is unknown."""
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


def _description(text: bytes, path: Path) -> dict[str, Any]:
    try:
        found = descriptions.parse(text)
    except DescriptionError as error:
        raise DescriptionError(f"{path}: damaged, {error}; copy the file again, or export it again") from error
    if type(found.get("schema")) is not int or found["schema"] != SCHEMA:
        raise DescriptionError(
            f"{path}: its description has schema {ascii(found.get('schema'))[:60]}, this fmnist-edge reads {SCHEMA}; "
            f"install the fmnist-edge that wrote it, or a newer one"
        )
    return found
