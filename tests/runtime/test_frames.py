import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from fmnist_runtime.errors import ImageError
from fmnist_runtime.frames import read_frame_file, read_frames

PIXELS = np.random.default_rng(0).integers(0, 100, (3, 28, 28), dtype=np.uint8)


def test_frames_are_the_bytes_that_came() -> None:
    images = list(read_frames(io.BytesIO(PIXELS.tobytes()), Path("-")))
    assert [image.item for image in images] == [0, 1, 2]
    assert np.array_equal(np.stack([image.pixels for image in images]), PIXELS)
    negated = list(read_frames(io.BytesIO(PIXELS.tobytes()), Path("-"), invert="yes"))
    assert np.array_equal(np.stack([image.pixels for image in negated]), 255 - PIXELS)


def test_a_frame_is_there_before_the_next_one_is_sent() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as camera:
        frames = read_frames(stream, Path("-"))
        for pixels in PIXELS:
            half = pixels.tobytes()
            camera.write(half[:300])
            threading.Timer(0.05, camera.write, [half[300:]]).start()
            assert np.array_equal(next(frames).pixels, pixels)
        camera.close()
        assert list(frames) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "-: 0 bytes, expected 784"),
        (bytes(783), "783 bytes, expected"),
        (bytes(785), "1 bytes after 1 whole frames"),
    ],
)
def test_a_partial_frame_is_an_error_after_the_whole_ones(content: bytes, words: str) -> None:
    frames = read_frames(io.BytesIO(content), Path("-"))
    for _ in range(len(content) // 784):
        next(frames)
    with pytest.raises(ImageError, match=words):
        next(frames)


def test_negatives_are_named_once() -> None:
    notes = [image.note for image in read_frames(io.BytesIO((255 - PIXELS).tobytes()), Path("-"))]
    assert notes[0] is not None
    assert "--invert yes" in notes[0]
    assert notes[1:] == [None, None]


def test_a_named_pipe_is_read_like_standard_input(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "camera")
    writer = threading.Thread(target=(tmp_path / "camera").write_bytes, args=[PIXELS.tobytes()])
    writer.start()
    assert len(list(read_frame_file(tmp_path / "camera"))) == 3
    writer.join()
    with pytest.raises(ImageError, match="No such file"):
        next(read_frame_file(tmp_path / "gone"))
