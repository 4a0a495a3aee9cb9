"""The steps from a picture of a garment to the data set's kind of picture, on garments of the real data set."""

import numpy as np
import pytest

from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import ImageError
from fmnist_runtime.images.decoding import Picture
from fmnist_runtime.images.types import Invert
from fmnist_runtime.preprocessing import background, fashion_mnist
from fmnist_runtime.preprocessing.sharpening import sharpen


def _picture(grey: np.ndarray, alpha: np.ndarray | None = None) -> Picture:
    return Picture(np.repeat(grey[:, :, np.newaxis], 3, axis=2), alpha)


def _convert(grey: np.ndarray, invert: Invert = "auto", alpha: np.ndarray | None = None) -> tuple[np.ndarray, str]:
    return fashion_mnist.convert(_picture(grey, alpha), invert, "x.png")


def _block(background: int, garment: int, height: int = 90, width: int = 30) -> np.ndarray:
    picture = np.full((300, 400), background, np.uint8)
    picture[50 : 50 + height, 250 : 250 + width] = garment
    return picture


def test_the_longest_side_becomes_28_the_ratio_is_kept_and_the_garment_is_in_the_middle() -> None:
    for height, width, rows, columns in [
        (90, 30, (0, 28), (9, 18)),
        (30, 90, (9, 18), (0, 28)),
        (50, 50, (0, 28), (0, 28)),
    ]:
        pixels, _ = _convert(_block(240, 20, height, width))
        inside = pixels > 60
        assert (np.nonzero(inside.any(1))[0][[0, -1]] + (0, 1)).tolist() == pytest.approx(rows, abs=1)
        assert (np.nonzero(inside.any(0))[0][[0, -1]] + (0, 1)).tolist() == pytest.approx(columns, abs=1)
        assert pixels[14, 14] == pytest.approx(255 - 255 * 20 / 240, abs=2)
        assert (pixels[~inside] < 60).all()


def test_auto_goes_by_the_background_and_notes_its_decision() -> None:
    light, said = _convert(_block(240, 20))
    assert "light (grey 240 of 255): inverted" in said
    dark, said = _convert(_block(15, 235))
    assert "dark (grey 15 of 255): not inverted" in said
    assert np.abs(light.astype(int) - dark).max() <= 2
    assert light[14, 14] > 200


def test_invert_yes_and_no_are_obeyed() -> None:
    _, said = _convert(_block(240, 20), "no")
    assert "not inverted, as --invert no asks" in said
    assert "hardly differs" in said
    _, said = _convert(_block(15, 235), "yes")
    assert "inverted, as --invert yes asks" in said


def test_a_gradient_of_light_and_noise_do_not_count_as_garment() -> None:
    rng = np.random.default_rng(0)
    slope = np.linspace(-25, 25, 400)[np.newaxis, :] + np.linspace(-10, 10, 300)[:, np.newaxis]
    grey = np.clip(_block(215, 40) + slope + rng.normal(0, 4, (300, 400)), 0, 255).astype(np.uint8)
    pixels, _ = _convert(grey)
    clean, _ = _convert(_block(215, 40))
    assert pixels[:, [0, 1, 26, 27]].max() == 0
    assert np.abs(pixels.astype(int) - clean).mean() < 8


def test_single_specks_do_not_widen_the_trimmed_box() -> None:
    grey = _block(240, 20)
    clean, _ = _convert(grey)
    grey[5, 5] = grey[290, 60] = 0
    specked, _ = _convert(grey)
    assert np.array_equal(clean, specked)


def test_transparent_pixels_are_background_whatever_their_colour() -> None:
    grey = _block(0, 60)
    alpha = np.where(grey == 60, 255, 0).astype(np.uint8)
    pixels, said = _convert(grey, alpha=alpha)
    assert "transparent background taken as light" in said
    assert pixels[14, 14] == 195
    assert pixels[:, 0].max() == 0


def test_a_white_cut_out_is_put_on_black() -> None:
    grey = _block(0, 250)
    pixels, said = _convert(grey, alpha=np.where(grey == 250, 255, 0).astype(np.uint8))
    assert "transparent background taken as dark (grey 0 of 255): not inverted" in said
    assert pixels[14, 14] == 250


@pytest.mark.parametrize("invert", ["auto", "yes", "no"])
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_blank_picture_is_refused(invert: Invert, grey: int) -> None:
    with pytest.raises(ImageError, match=r"x\.png: nothing in it differs .*expected one garment"):
        _convert(np.full((300, 400), grey, np.uint8), invert)
    with pytest.raises(ImageError, match="nothing in it differs"):
        _convert(np.full((300, 400), grey, np.uint8), invert, np.zeros((300, 400), np.uint8))


def test_a_picture_without_a_plain_background_is_answered_with_a_warning() -> None:
    rng = np.random.default_rng(1)
    _, said = _convert(rng.integers(0, 256, (300, 400), dtype=np.uint8).repeat(4, 0).repeat(4, 1)[:300, :400])
    assert "of the border is plain background, so the cut-out may be wrong" in said


@pytest.mark.parametrize("shape", [(1, 500), (500, 1), (1, 2), (2, 2), (3, 1)])
def test_lines_and_dots_become_images(shape: tuple[int, int]) -> None:
    grey = np.full(shape, 250, np.uint8)
    grey.reshape(-1)[grey.size // 2 :] = 5
    try:
        pixels, _ = _convert(grey)
    except ImageError:
        return
    assert pixels.shape == (28, 28)


def test_sharpening_leaves_plain_areas_and_steepens_outlines() -> None:
    plain = np.full((28, 28), 120, np.float32)
    assert np.array_equal(sharpen(plain), plain)
    step = np.repeat([[60.0] * 14 + [180.0] * 14], 28, axis=0).astype(np.float32)
    sharp = sharpen(step)
    assert sharp[5, 13] < 60 - 10
    assert sharp[5, 14] > 180 + 10
    assert sharp[5, 5] == 60


def test_the_negative_of_a_test_image_enlarged_comes_back_in_its_place(test_split: Split) -> None:
    likeness = []
    for image in test_split.images[:50]:
        large = np.pad((255 - image).repeat(8, 0).repeat(8, 1), 40, constant_values=255)
        pixels, _ = _convert(large)
        likeness.append(np.corrcoef(pixels.ravel(), image.ravel())[0, 1])
    # What differs is the sharpening, of pictures that were sharpened before. One pixel aside costs more: 0.87.
    assert np.median(likeness) > 0.95


def test_the_background_is_estimated_behind_the_garment() -> None:
    slope = np.linspace(180, 230, 400, dtype=np.float32)
    picture = np.broadcast_to(slope[np.newaxis, :, np.newaxis], (300, 400, 3)).copy()
    picture[100:, 100:300] = 0
    ground = background.estimate(picture)
    assert np.abs(ground.colours[:, :, 0] - slope).max() < 2
    assert 0.6 < ground.share < 1
