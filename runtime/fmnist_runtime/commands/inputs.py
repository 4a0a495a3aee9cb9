"""The images that fmnist-classify answers: files, folders, patterns, standard input, raw frames."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from fmnist_runtime.commandline import warn
from fmnist_runtime.errors import ImageError

if TYPE_CHECKING:
    from fmnist_runtime.images.types import Image, Invert

STANDARD_INPUT = "-"


class ReadOptions(NamedTuple):
    """How images are read: only those of `indices` (all where it is empty), inverted or not, raw frames or files."""

    indices: Sequence[int]
    invert: "Invert"
    raw: bool


def find_files(name: str, *, raw: bool) -> "list[Path | None]":
    """The files that the argument `name` stands for, None for standard input. Raises ImageError where there is none.

    Files in a folder that are no images are skipped, and one line on standard error says so.
    """
    if name == STANDARD_INPUT:
        return [None]
    from fmnist_runtime.sources import paths

    files: list[Path | None] = []
    for path in paths.files_of(name):
        if raw or not paths.is_folder(path):
            files.append(path)
            continue
        images, skipped = paths.images_in(path)
        files += images
        if skipped:
            warn(skipped)
    return files


def read(file: Path | None, options: ReadOptions) -> "Iterator[Image]":
    """The images in `file`, or on standard input where it is None, each as it is read. Raises ImageError."""
    from fmnist_runtime.sources import frames, image_files

    if file is None:
        stream = _standard_input()
        if options.raw:
            return frames.read_frames(stream, Path(STANDARD_INPUT), invert=options.invert)
        return image_files.read_stream(stream, options.indices, invert=options.invert)
    if options.raw:
        return frames.read_frame_file(file, invert=options.invert)
    return image_files.read_images(file, options.indices, invert=options.invert)


def _standard_input() -> IO[bytes]:
    if sys.stdin is None or sys.stdin.closed:
        raise ImageError("-: standard input is closed, expected an image; pipe one into the command")
    if sys.stdin.isatty():
        raise ImageError("-: standard input is a terminal, expected an image; pipe one into the command")
    return sys.stdin.buffer
