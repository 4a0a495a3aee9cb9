"""Encoded pictures for tests."""

import io

import numpy as np
from PIL import Image as Pillow

from fmnist_runtime.images import filetypes
from fmnist_runtime.images.decoding import Picture, decode

GREY = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
COLOUR = np.stack([GREY, GREY[:, ::-1], np.full_like(GREY, 90)], axis=2)


def encode(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    """`picture` in the Pillow format `kind`."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(content: bytes) -> Picture:
    """The picture in `content`, whose kind its first bytes tell."""
    kind = filetypes.kind_of(content[: filetypes.LENGTH])
    assert kind is not None
    return decode(io.BytesIO(content), kind, "x")
