"""The class names in TFLite's own metadata of a plain .tflite: a text file in a ZIP after the flatbuffer.

Source: "Adding metadata to TensorFlow Lite models", associated files. The metadata also hold a flatbuffer that assigns
files to outputs. It is not read. Instead, a text file with one line for each class is used if it is the only one.
"""

import io
import struct

_END = struct.Struct("<4s4H2IH")
_LOCATOR_BYTES = 20
_MOST_MEMBERS = 64
_MOST_DIRECTORY_BYTES = 2**16
_MOST_BYTES = 2**20


def read(content: bytes, count: int) -> tuple[tuple[str, ...], str] | None:
    """The names of `count` classes in the .tflite `content`, and the name of the text file that holds them.

    None where there is no such file, or more than one. Reads at most 64 text files of 1 MiB.
    """
    if len(content) < _END.size:
        return None
    mark, _, _, _, members, directory, _, _ = _END.unpack_from(content, len(content) - _END.size)
    if mark != b"PK\5\6" or members > _MOST_MEMBERS or directory > _MOST_DIRECTORY_BYTES:
        return None
    # A ZIP64 locator would replace these numbers.
    if content[-_END.size - _LOCATOR_BYTES :].startswith(b"PK\6\7"):
        return None
    try:
        texts = _texts(content)
    except Exception:  # zipfile, zlib and the codecs raise anything on a damaged file: it then has no names
        return None
    found = [(names, member) for member, text in texts.items() if len(names := _names(text)) == count]
    if len(found) != 1:
        return None
    names, member = found[0]
    return found[0] if all(name.isprintable() for name in (*names, member)) else None


def _texts(content: bytes) -> dict[str, str]:
    """The text files in the ZIP at the end of `content`, by name; those that are too large are left out."""
    import zipfile

    texts = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # zipfile goes by the length of the directory, not by its stated number of members.
        for member in archive.infolist()[:_MOST_MEMBERS]:
            if member.filename.lower().endswith(".txt"):
                with archive.open(member) as file:
                    text = file.read(_MOST_BYTES + 1)
                if len(text) <= _MOST_BYTES:
                    texts[member.filename] = text.decode("utf-8-sig")
    return texts


def _names(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
