"""The figures of a training: which images they show, dark on white, with class names, right in blue, wrong in red."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from fmnist_runtime.data.dataset import Split
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_train import figures

# Images 3, 20 and 30 get a wrong answer.
WRONG = (3, 20, 30)


@pytest.fixture
def split(test_split: Split) -> Split:
    return Split(test_split.images[:40], test_split.labels[:40])


@pytest.fixture
def probabilities(split: Split) -> np.ndarray:
    answers = split.labels.astype(int)
    answers[list(WRONG)] = (answers[list(WRONG)] + 1) % 10
    return np.eye(10, dtype=np.float32)[answers] * np.float32(0.9) + np.float32(0.01)


def _images(figure: Figure) -> list[np.ndarray]:
    return [image.get_array() for axes in _axes(figure) for image in axes.images if image.get_array().shape == (28, 28)]


def _axes(figure: Figure) -> list:
    return [*figure.axes, *(axes for part in figure.subfigs for axes in part.axes if axes not in figure.axes)]


def _colours(figure: Figure, colour: str) -> int:
    """The number of bars of `colour`."""
    return sum(
        bar.get_facecolor() == to_rgba(colour) for axes in _axes(figure) for bar in axes.patches if bar.get_width()
    )


def test_the_grid_shows_the_first_15_images_and_then_wrong_ones(split: Split, probabilities: np.ndarray) -> None:
    figure = figures.prediction_grid(split, probabilities)
    expected = split.images[[*range(15), 20, 30]]
    np.testing.assert_array_equal(np.stack(_images(figure)), expected)
    assert _colours(figure, figures.WRONG) == 3
    assert _colours(figure, figures.RIGHT) == 17
    titles = [axes.get_title() for axes in _axes(figure) if axes.get_title()]
    assert titles == [f"test image {index}" for index in (*range(15), 20, 30)]
    bars = [axes for axes in _axes(figure) if axes.patches]
    assert len(bars) == 17
    assert all([label.get_text() for label in axes.get_yticklabels()] == list(CLASS_NAMES) for axes in bars)


def test_a_grid_without_wrong_answers_has_15_images_and_no_red(split: Split) -> None:
    figure = figures.prediction_grid(split, np.eye(10, dtype=np.float32)[split.labels])
    assert len(_images(figure)) == 15
    assert not _colours(figure, figures.WRONG)


def test_a_single_prediction_shows_its_image_beside_the_bars(split: Split, probabilities: np.ndarray) -> None:
    figure = figures.single_prediction(split, probabilities, 1)
    np.testing.assert_array_equal(_images(figure)[0], split.images[1])
    (bars,) = [axes for axes in figure.axes if axes.patches]
    assert [label.get_text() for label in bars.get_xticklabels()] == list(CLASS_NAMES)
    assert [bar.get_height() for bar in bars.patches] == pytest.approx(probabilities[1].tolist())


def test_every_image_is_dark_on_white(split: Split, probabilities: np.ndarray) -> None:
    drawn = (
        figures.colour_bar(split.images[0]),
        figures.samples(split),
        figures.prediction(split, probabilities, 0),
        figures.prediction_grid(split, probabilities),
        figures.single_prediction(split, probabilities, 1),
    )
    for figure in drawn:
        images = [image for axes in _axes(figure) for image in axes.images]
        assert images
        for image in images:
            assert (image.get_cmap().name, image.get_clim()) == ("binary", (0, 255))
