"""Raw frames, as a camera program writes them into a pipe: 784 bytes each, row by row, nothing between them.

It scales and converts nothing, and does not start the camera.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from fmnist_runtime.errors import ImageError
from fmnist_runtime.images import signatures
from fmnist_runtime.images.types import INVERTED_WARNING, SHAPE, Image, Invert
from fmnist_runtime.preprocessing.background import looks_light
from fmnist_runtime.system import reading

FRAME_BYTES = SHAPE[0] * SHAPE[1]


def read_frames(stream: IO[bytes], source: Path, *, invert: Invert = "auto") -> Iterator[Image]:
    """The frames of `stream`, each (28, 28) uint8, as soon as it is complete; negated if `invert` is "yes".

    Raises ImageError for a stream without a frame, for one that starts like a file of a known kind, and after the last
    whole frame where a part of another follows.
    """
    noted = False
    for item in itertools.count():
        try:
            frame = stream.read(FRAME_BYTES) or b""
        except (OSError, ValueError) as error:
            raise ImageError(
                f"{source}: cannot be read ({reading.error_text(error)}); start the sender again"
            ) from error
        if not frame and item:
            return
        if item == 0 and (kind := signatures.header_kind(frame)):
            raise ImageError(
                f"{source}: {kind}, expected raw frames of {FRAME_BYTES} bytes; leave out --raw to read the file"
            )
        if len(frame) != FRAME_BYTES:
            after = f" after {item} whole frames" if item else ""
            raise ImageError(
                f"{source}: {len(frame)} bytes{after}, expected {FRAME_BYTES} a frame (28 rows of 28 bytes); "
                f"the sender stopped early or its frames have another size"
            )
        pixels = np.frombuffer(frame, np.uint8).reshape(SHAPE)
        pixels = np.bitwise_not(pixels) if invert == "yes" else pixels
        note = INVERTED_WARNING if invert == "auto" and not noted and looks_light(pixels) else None
        noted = noted or note is not None
        yield Image(source, item, pixels, note)


def read_frame_file(path: Path, *, invert: Invert = "auto") -> Iterator[Image]:
    """The frames in the file or named pipe `path`, as `read_frames`. ImageError also where it cannot be opened."""
    try:
        # A buffered read waits for a whole frame and no longer; an unbuffered one returns what the pipe holds.
        stream = path.open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{path}: cannot be read ({reason}); check the path and its permissions") from error
    with stream:
        yield from read_frames(stream, path, invert=invert)
