import gzip
import io
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from fmnist_runtime.data.dataset import Split
from fmnist_runtime.data.fashion_mnist_files import read_training_split
from fmnist_runtime.errors import ImageError
from fmnist_runtime.images.signatures import header_kind
from fmnist_runtime.model import shipped
from fmnist_runtime.sources.frames import read_frame_file, read_frames

PIXELS = np.random.default_rng(0).integers(0, 100, (3, 28, 28), dtype=np.uint8)


def test_frames_have_exactly_the_bytes_of_the_stream() -> None:
    images = list(read_frames(io.BytesIO(PIXELS.tobytes()), Path("-")))
    assert [image.item for image in images] == [0, 1, 2]
    assert np.array_equal(np.stack([image.pixels for image in images]), PIXELS)
    negated = list(read_frames(io.BytesIO(PIXELS.tobytes()), Path("-"), invert="yes"))
    assert np.array_equal(np.stack([image.pixels for image in negated]), 255 - PIXELS)


def test_a_frame_is_delivered_before_the_next_one_is_sent() -> None:
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


def test_an_inverted_stream_gets_one_warning() -> None:
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


def _save(kind: str, colour: bool, **options: object) -> bytes:
    grey = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
    picture = Pillow.fromarray(np.stack([grey, grey[:, ::-1], grey], axis=2) if colour else grey)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _files() -> Iterator[tuple[str, bytes]]:
    Pillow.init()
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "JPEG2000", "SGI", "PPM", "WEBP", "AVIF"):
        if kind in Pillow.SAVE:
            for colour in (False, True):
                yield kind, _save(kind, colour)
    exif = Pillow.Exif()
    exif[270] = "x" * 2000
    yield "JPEG", _save("JPEG", True, exif=exif)
    yield "JPEG", _save("JPEG", True, progressive=True, icc_profile=b"x" * 3000)
    yield "JPEG", b"\xff\xd8" + _save("JPEG", True)[20:]  # as some cameras send frames: without APP0
    yield "QOI", b"qoif" + struct.pack(">II", 40, 30) + b"\3\0" + bytes(900)
    yield "HEIC", b"\0\0\0\x18ftypheic" + bytes(900)
    yield "npy", _npy()
    yield "IDX", b"\0\0\x08\3" + struct.pack(">3I", 10_000, 28, 28) + bytes(784)
    yield "IDX", b"\0\0\x08\1" + struct.pack(">I", 10_000) + bytes(range(10)) * 1000
    yield "gzip", gzip.compress(bytes(100_000))
    yield "ZIP", _zip()
    yield "TFLite", shipped.model_path(None).read_bytes()


def _npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, PIXELS)
    return buffer.getvalue()


def _zip() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, PIXELS)
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "content"), list(_files()))
def test_a_file_instead_of_frames_is_named_and_refused(kind: str, content: bytes) -> None:
    with pytest.raises(
        ImageError, match=f"(?i)^-: an? .*{kind[:4]}.*, expected raw frames of 784 bytes; leave out --raw"
    ) as _:
        next(read_frames(io.BytesIO(content), Path("-")))


@pytest.mark.parametrize(
    "start", [b"BM", b"\x01\xda", b"\xff\xd8\xff", b"P5 ", b"\x1f\x8b", b"\0\0\x08", b"qoif", b"\0\0\x08\3"]
)
def test_a_frame_may_start_with_a_short_signature(start: bytes) -> None:
    frame = np.frombuffer(start + PIXELS.tobytes()[len(start) : 784], np.uint8)
    (image,) = read_frames(io.BytesIO(frame.tobytes()), Path("-"))
    assert np.array_equal(image.pixels.ravel(), frame)


def test_no_image_of_the_data_set_is_taken_for_a_file(data_folder: Path, test_split: Split) -> None:
    """Nor its negative, nor 100,000 frames of noise."""
    train = read_training_split(data_folder).images
    assert not [kind for image in (*train, *test_split.images) if (kind := header_kind(image.tobytes()))]
    assert not [kind for image in test_split.images if (kind := header_kind((255 - image).tobytes()))]
    noise = np.random.default_rng(0).integers(0, 256, (100_000, 1024), dtype=np.uint8)
    assert not [kind for frame in noise if (kind := header_kind(frame.tobytes()))]


def test_a_stream_that_cannot_be_read_is_an_image_error() -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _: object) -> int:
            raise OSError(5, "Input/output error")

    with pytest.raises(ImageError, match=r"-: cannot be read .*Input/output error"):
        next(read_frames(io.BufferedReader(Broken()), Path("-")))
