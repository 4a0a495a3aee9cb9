"""Builders that raise, return odd things, or change Keras's settings: refused before the training, or trained right."""

import json
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from odd_builders import BUILDERS, HEAD  # noqa: E402

from fmnist_keras import backend  # noqa: E402
from fmnist_runtime.data.dataset import Dataset  # noqa: E402
from fmnist_runtime.errors import TrainingError  # noqa: E402
from fmnist_train.models import builder_checks, builders, keras_files  # noqa: E402
from fmnist_train.models.settings import TrainingSettings  # noqa: E402
from fmnist_train.training import checkpoints, loop, results  # noqa: E402


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BUILDERS)
def test_an_odd_builder_passes_or_is_refused_and_changes_no_settings(name: str, tmp_path: Path) -> None:
    text, expected = BUILDERS[name]
    path = tmp_path / "own.py"
    path.write_text(HEAD + text)
    settings, before = TrainingSettings(model=f"{path}:build"), _state()
    if expected is None:
        builder_checks.check(settings, {})
    else:
        with pytest.raises(TrainingError) as caught:
            builder_checks.check(settings, {})
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
def test_a_trained_odd_builder_is_recorded_with_the_accuracy_of_its_file(
    name: str, tmp_path: Path, few_images: Dataset
) -> None:
    path = tmp_path / "own.py"
    path.write_text(HEAD + BUILDERS[name][0])
    settings = TrainingSettings(model=f"{path}:build", epochs=1, validation=100)
    trained = loop.train(settings, few_images, tmp_path, resume=False, callbacks=[])
    again, progress = checkpoints.load(
        tmp_path, settings, loop.source_digests(settings), builders.custom_objects(settings.model)
    )
    assert progress.epochs == 1
    assert again.count_params() == trained.model.count_params()
    results.save(trained, few_images, tmp_path)
    record = json.loads((tmp_path / "training.json").read_text())
    loaded = keras_files.read(tmp_path / "model.keras", builders.custom_objects(settings.model), compiled=False)
    test = few_images.test
    assert record["results"]["test_accuracy"] == np.mean(results.predict(loaded, test).argmax(axis=1) == test.labels)
    assert not list(tmp_path.glob("*checkpoint*"))
