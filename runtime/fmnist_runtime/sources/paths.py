"""The files that a name stands for: a file, every image of a folder, a pattern that no shell has expanded.

It reads only the first bytes of a file (fmnist_runtime.sources.image_files reads the rest).
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from fmnist_runtime.errors import ImageError
from fmnist_runtime.images import filetypes

_IMAGE_STACK = b"\0\0\x08\x03"
# How many skipped files a message names.
_NAMED = 3
# The bytes that decide whether a file is an image: enough for a gzip's header with a name in it.
_START_BYTES = 4096


def files_of(name: str) -> list[Path]:
    """The files that `name` stands for: the path itself, or the paths that match it as a pattern, sorted.

    A name that exists is never a pattern. Raises ImageError for a pattern that matches nothing.
    """
    if os.path.lexists(name):
        return [Path(name)]
    import glob

    if not glob.has_magic(name):
        return [Path(name)]
    matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  # Path.glob takes no absolute pattern
    if not matches:
        raise ImageError(f"{name}: no file matches this pattern; check the folder and the extension")
    return [Path(match) for match in matches]


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder; False where that cannot be checked, as for a name that is too long."""
    try:
        return path.is_dir()
    except OSError:
        return False


def images_in(folder: Path) -> tuple[list[Path], str | None]:
    """The images in `folder` and below it, sorted, and a sentence on the files that are not images, if any.

    The first bytes decide whether a file is an image. Hidden files (".name") and links to folders are skipped. Raises
    ImageError where there is no image.
    """
    images: list[Path] = []
    others: list[Path] = []
    for path in sorted(_walk(folder)):
        (images if _is_image(path) else others).append(path)
    if not images:
        found = f"{len(others)} files, none of them an image" if others else "no file in it"
        raise ImageError(f"{folder}: {found}, expected {filetypes.PICTURES}, .npy or IDX images")
    if not others:
        return images, None
    names = ", ".join(str(path.relative_to(folder)) for path in others[:_NAMED])
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return images, f"{folder}: {len(others)} of {len(images) + len(others)} files skipped, not images: {names}{more}"


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise ImageError(
            f"{error.filename}: the folder cannot be read ({error.strerror}); check its permissions"
        ) from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def _is_image(path: Path) -> bool:
    import zlib

    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
        kind = filetypes.kind_of(start[: filetypes.LENGTH])
        if kind == filetypes.GZIP:
            start = zlib.decompressobj(wbits=31).decompress(start, len(_IMAGE_STACK))
    except FileNotFoundError:
        return False  # a broken link
    except (OSError, ValueError, zlib.error):
        # A file that cannot be opened is not skipped: reading it gives the reason. One that only looks compressed is.
        return not os.access(path, os.R_OK)
    return start.startswith(_IMAGE_STACK) if kind in (filetypes.IDX, filetypes.GZIP) else kind is not None
