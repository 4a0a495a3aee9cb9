"""Builders that raise, return odd things, or change Keras's settings: one line before the training, or right."""

import json
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from odd_builders import BUILDERS, HEAD  # noqa: E402

from fmnist_keras import backend  # noqa: E402
from fmnist_runtime.data import fashion_mnist  # noqa: E402
from fmnist_runtime.errors import TrainingError  # noqa: E402
from fmnist_train.models import builders, keras_files  # noqa: E402
from fmnist_train.models.recipes import Settings  # noqa: E402
from fmnist_train.training import checkpoints, loop, results  # noqa: E402


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BUILDERS)
def test_an_odd_builder(name: str, tmp_path: Path) -> None:
    text, expected = BUILDERS[name]
    path = tmp_path / "own.py"
    path.write_text(HEAD + text)
    settings, before = Settings(model=f"{path}:build"), _state()
    if expected is None:
        builders.check(settings, {})
    else:
        with pytest.raises(TrainingError) as caught:
            builders.check(settings, {})
        assert expected in str(caught.value)
        assert str(path) in str(caught.value)
    assert _state() == before


def _state() -> tuple[object, ...]:
    config = keras.config
    settings = (config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy().name)
    return (*settings, Path.cwd(), backend.home())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [
        "a registered layer",
        "a layer that is not registered",
        "a layer of a function",
        "a lambda",
        "a function for an activation",
        "an adapted normalization",
        "mixed precision for all",
        "an input by name",
    ],
)
def test_an_odd_builder_that_is_right_is_trained_and_the_record_is_that_of_its_file(
    name: str, tmp_path: Path, few_images: fashion_mnist.FashionMnist
) -> None:
    path = tmp_path / "own.py"
    path.write_text(HEAD + BUILDERS[name][0])
    settings = Settings(model=f"{path}:build", epochs=1, validation=100)
    trained = loop.train(settings, few_images, tmp_path, resume=False, callbacks=[])
    again, progress = checkpoints.load(tmp_path, settings, loop.digests(settings), builders.objects(settings.model))
    assert progress.epochs == 1
    assert again.count_params() == trained.model.count_params()
    results.save(trained, few_images, tmp_path)
    record = json.loads((tmp_path / "training.json").read_text())
    loaded = keras_files.read(tmp_path / "model.keras", builders.objects(settings.model), compiled=False)
    test = few_images.test
    assert record["results"]["test_accuracy"] == np.mean(results.answers(loaded, test).argmax(axis=1) == test.labels)
    assert not list(tmp_path.glob("*checkpoint*"))
