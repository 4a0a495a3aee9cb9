"""The claim about photos on the first test images; python -m fmnist_benchmarks.photos measures it on all of them."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from fmnist_benchmarks.photos.__main__ import compare, photograph
from fmnist_benchmarks.photos.rendering import render
from fmnist_runtime import Classifier
from fmnist_runtime.data.dataset import Split


@pytest.mark.slow
def test_photos_cost_at_most_three_points(test_split: Split) -> None:
    part = Split(test_split.images[:300], test_split.labels[:300])
    with Classifier() as classifier:
        result = compare(classifier, part, photograph(part.images, seed=0))
    assert result.images == 300
    assert result.refused == 0
    assert result.originals_right > 250
    assert result.points_lost <= 3
    assert result.same_answer >= 0.9 * 300


def test_a_photo_is_a_400x300_jpeg_on_a_light_background_and_repeats_by_seed(test_split: Split) -> None:
    photos = [render(test_split.images[0], np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert photos[0] == photos[1] != photos[2]
    for photo in photos:
        picture = Pillow.open(io.BytesIO(photo))
        assert (picture.format, picture.size, picture.mode) == ("JPEG", (400, 300), "RGB")
        assert np.asarray(picture)[:, [0, -1]].min() > 150


@pytest.mark.slow
def test_the_command_prints_counts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fmnist_benchmarks.photos", "--count", "20"]
    document = json.loads(subprocess.check_output([*command, "--json", "--save", tmp_path], text=True))
    (result,) = document["results"]
    assert result["images"] == 20
    assert result["points_lost"] == 100 * (result["originals_right"] - result["photos_right"]) / 20
    assert len(list(tmp_path.glob("*.jpg"))) == 20
    assert "20 test images, seed 0" in subprocess.check_output(command, text=True)
