"""Photo-like JPEGs of the data set's images: a garment off-centre on a light, uneven, noisy background.

An image of 28x28 is upscaled (bicubic) to a random size and darkens a tinted background by its intensity. It gets a
soft shadow and a random place in a picture of 400x300, which is unevenly lit, blurred as by a lens, given a wall's
texture and a sensor's noise, and compressed. It gets no detail that 28x28 pixels have lost, and no folds, rotation or
room. So this tests the way from a photo to the model, not the model on new garments.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageFilter

WIDTH, HEIGHT = 400, 300
_SIDE = 28


def render(image: NDArray[np.uint8], generator: np.random.Generator) -> bytes:
    """A photo-like JPEG of the garment `image`, (28, 28) uint8; `generator` gives the random numbers."""
    side = int(generator.integers(110, 271))
    garment = _upscale(image, side)
    cover = np.zeros((HEIGHT, WIDTH), np.float32)
    top, left = int(generator.integers(5, HEIGHT - side - 4)), int(generator.integers(5, WIDTH - side - 4))
    cover[top : top + side, left : left + side] = garment
    light = _background(generator) * (1 - _shadow(cover, generator))[:, :, np.newaxis]
    photo = light * (1 - cover)[:, :, np.newaxis]
    blurred = _blur(photo, generator.uniform(0.6, 1.4))
    grain = generator.normal(0, generator.uniform(1, 4), (HEIGHT, WIDTH, 1))
    colour_grain = generator.normal(0, 1, (HEIGHT, WIDTH, 3))
    return _jpeg(blurred + (grain + colour_grain).astype(np.float32), quality=int(generator.integers(78, 88)))


def _upscale(image: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """`image` as (side, side) float32, 0 background to 1 darkest cloth."""
    large = Pillow.fromarray(image.astype(np.float32)).resize((side, side), Pillow.Resampling.BICUBIC)
    cover: NDArray[np.float32] = np.clip(np.asarray(large, np.float32) / 255, 0, 1)
    return cover


def _background(generator: np.random.Generator) -> NDArray[np.float32]:
    """A light wall, (300, 400, 3) float32: a tint, light that fades to one side, stains and texture."""
    colour = generator.uniform(205, 245) + generator.uniform(-8, 8, 3)
    angle, slope = generator.uniform(0, 2 * np.pi), generator.uniform(0, 25)
    down, right = np.mgrid[-0.5 : 0.5 : HEIGHT * 1j, -0.5 : 0.5 : WIDTH * 1j]
    gradient = slope * (np.cos(angle) * right + np.sin(angle) * down)
    stains = _texture(generator, cell=60) * 2 + _texture(generator, cell=4) * 1.5
    wall: NDArray[np.float32] = (colour + (gradient + stains)[:, :, np.newaxis]).astype(np.float32)
    return wall


def _texture(generator: np.random.Generator, cell: int) -> NDArray[np.float32]:
    """Smooth random values, (300, 400) float32 of mean 0 and deviation about 1, that change every `cell` pixels."""
    coarse = generator.normal(0, 1, (HEIGHT // cell + 2, WIDTH // cell + 2)).astype(np.float32)
    return np.asarray(Pillow.fromarray(coarse).resize((WIDTH, HEIGHT), Pillow.Resampling.BICUBIC), np.float32)


def _shadow(cover: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """The share of light, (300, 400), that a soft shadow beside the garment removes: at most 6 %."""
    shape = Pillow.fromarray((np.minimum(cover * 4, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(6))
    down, right = (int(offset) for offset in generator.integers(0, 7, 2))
    moved = np.roll(np.asarray(shape, np.float32) / 255, (down, right), axis=(0, 1))
    removed: NDArray[np.float32] = moved * np.float32(generator.uniform(0, 0.06))
    return removed


def _blur(photo: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    picture = Pillow.fromarray(np.clip(photo, 0, 255).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), np.float32)


def _jpeg(photo: NDArray[np.float32], quality: int) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(np.rint(np.clip(photo, 0, 255)).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
