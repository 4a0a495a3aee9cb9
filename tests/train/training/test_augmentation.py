"""Augmentation: what move and erase change, how much, and that a seed gives the same images."""

import numpy as np
from numpy.typing import NDArray

from fmnist_train.training.augmentation import erase, move, placement_count

IMAGES = np.random.default_rng(5).integers(1, 256, (400, 28, 28), dtype=np.uint8)


def _move(seed: int = 1, flip: float = 0, shift: int = 0) -> NDArray[np.uint8]:
    return move(IMAGES, np.random.default_rng(seed), flip=flip, shift=shift)[0]


def _erase(share: float, seed: int = 1) -> NDArray[np.uint8]:
    return erase(IMAGES, np.random.default_rng(seed), share)


def test_without_changes_the_result_is_an_equal_copy() -> None:
    for changed in (_move(), _erase(0)):
        assert np.array_equal(changed, IMAGES)
        assert not np.shares_memory(changed, IMAGES)


def test_the_share_that_is_asked_for_is_mirrored_and_nothing_else() -> None:
    assert np.array_equal(_move(flip=1), IMAGES[:, :, ::-1])
    mirrored = (_move(flip=0.25) == IMAGES[:, :, ::-1]).all(axis=(1, 2))
    same = (_move(flip=0.25) == IMAGES).all(axis=(1, 2))
    assert (mirrored ^ same).all()
    assert 60 < mirrored.sum() < 140


def test_moves_are_within_the_limit_reach_all_of_it_and_bring_in_background() -> None:
    moves = set()
    for before, after in zip(IMAGES, _move(shift=2), strict=True):
        padded = np.pad(before, 2)
        found = [
            (down, across)
            for down in range(5)
            for across in range(5)
            if np.array_equal(padded[down : down + 28, across : across + 28], after)
        ]
        assert len(found) == 1
        moves.add(found[0])
    assert len(moves) == 25


def test_erase_changes_one_rectangle_of_the_papers_size_in_the_given_share() -> None:
    changed = _erase(1)
    areas = []
    for before, after in zip(IMAGES, changed, strict=True):
        rows, columns = np.nonzero(before != after)
        inside = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        # A random pixel is now and then what it was; outside of the rectangle nothing changed.
        assert (before != after)[inside].mean() > 0.9
        areas.append(before[inside].size / 784)
    assert min(areas) > 0.01
    assert max(areas) < 0.45
    assert 0.15 < np.mean(areas) < 0.25
    untouched = (_erase(0.25) == IMAGES).all(axis=(1, 2))
    assert 260 < untouched.sum() < 340


def test_the_same_seed_gives_the_same_images_and_the_originals_stay() -> None:
    before = IMAGES.copy()
    assert np.array_equal(_move(3, 0.5, 2), _move(3, 0.5, 2))
    assert not np.array_equal(_move(3, 0.5, 2), _move(4, 0.5, 2))
    assert np.array_equal(_erase(0.5, 3), _erase(0.5, 3))
    assert not np.array_equal(_erase(0.5, 3), _erase(0.5, 4))
    assert np.array_equal(IMAGES, before)


def test_copies_with_the_same_placement_are_equal() -> None:
    alike = np.repeat(IMAGES[:1], 2000, axis=0)
    changed, placement = move(alike, np.random.default_rng(1), flip=0.5, shift=1)
    assert set(placement) == set(range(placement_count(1)))
    images = {number: changed[placement == number] for number in range(placement_count(1))}
    assert all((copies == copies[0]).all() for copies in images.values())
    assert len({copies[0].tobytes() for copies in images.values()}) == placement_count(1) == 18
