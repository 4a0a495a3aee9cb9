"""The recipes of the shipped models as data: those that the shipped files say they were trained by, and repeated."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
from helpers import assert_fails, run_command

from fmnist_runtime.errors import TrainingError
from fmnist_runtime.model import model_file, shipped
from fmnist_train.models import catalogue, trainings
from fmnist_train.models.recipes import RECIPES, Settings, recipe


@pytest.mark.parametrize("name", shipped.SHIPPED)
def test_the_recipe_is_the_command_inside_the_shipped_file(name: str) -> None:
    description = model_file.read(shipped.MODELS_FOLDER / shipped.SHIPPED[name]).description
    assert description is not None
    ours = trainings.settings_in(name, Path("build/shipped"))
    assert description["training"]["command"] == f"fmnist-train {ours.options()}"


def test_what_a_recipe_needs_comes_before_it() -> None:
    assert trainings.needed("mlp") == ["mlp"]
    assert trainings.needed("cnn-nano") == ["first-teacher", "cnn-nano"]
    order = trainings.needed("cnn-micro")
    assert order[-1] == "cnn-micro"
    assert len(order) == len(set(order)) == 7
    for name, settings in trainings.table().items():
        before = trainings.needed(name)
        assert all(before.index(other) < before.index(name) for other in settings.teacher)
        assert settings.model in RECIPES
    assert set(trainings.NAMES) <= set(trainings.table())


def test_the_list_tells_a_training_by_itself_from_a_recipe() -> None:
    result = run_command("fmnist-train", "--model", "list")
    assert result.returncode == 0
    alone, by_recipe = result.stdout.split("what fmnist-train --recipe NAME -o FOLDER ends in")
    assert alone.startswith("what fmnist-train --model NAME trains by itself:")
    rows = {line.split()[0]: line.split() for line in by_recipe.splitlines()[2:7]}
    for name in shipped.SHIPPED:
        path = shipped.MODELS_FOLDER / shipped.SHIPPED[name]
        description = model_file.read(path).description
        assert description is not None
        proof = description["proofs"][0]
        assert rows[name][3:6] == [
            f"{path.stat().st_size:,}",
            f"{proof['accuracy']:.4f}",
            f"{proof['keras_accuracy']:.4f}",
        ]
        assert rows[name][1] == str(len(trainings.needed(name)))
    assert rows["cnn-micro"][6] == "100"
    # Nobody has measured what --model cnn-micro gives by itself, so the recipe's figures do not stand there.
    assert "cnn-micro      not measured" in alone
    assert "0.9468" not in alone


def _trained(folder: Path, settings: Settings) -> Path:
    """A folder as fmnist-train and fmnist-export leave it."""
    folder.mkdir(parents=True)
    stated = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(settings).items()}
    record = {"settings": stated, "parameters": 7, "seconds": [60.0, 60.0]}
    (folder / "training.json").write_text(json.dumps(record))
    shutil.copy(shipped.MODELS_FOLDER / shipped.SHIPPED["mlp"], folder / "model-int8.tflite")
    return folder


def test_what_was_measured_is_put_where_it_belongs(tmp_path: Path) -> None:
    kind, name, measured = catalogue.entry(_trained(tmp_path / "anything", recipe("cnn-nano")))
    assert (kind, name) == ("alone", "cnn-nano")
    assert (measured.parameters, measured.epochs, measured.seconds, measured.int8_accuracy) == (7, 60, 120, 0.8778)
    whole = trainings.settings_in("cnn-small", tmp_path)
    assert catalogue.entry(_trained(tmp_path / "cnn-small", whole))[:2] == ("recipes", "cnn-small")
    with pytest.raises(TrainingError, match="trained by other options than fmnist-train --model cnn-small"):
        catalogue.entry(_trained(tmp_path / "other", whole))


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", "[" * 100_000, '{"settings": 3}', '{"settings": {"model": "mlp"}, "seconds": "x"}', "\udcff"],
)
def test_a_damaged_record_is_one_line(tmp_path: Path, content: str) -> None:
    folder = _trained(tmp_path / "mlp", recipe("mlp"))
    (folder / "training.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(TrainingError, match=r"training\.json: ") as caught:
        catalogue.entry(folder)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(("train the model again", "give the folder of one of these"))


@pytest.mark.slow
def test_options_that_a_recipe_decides_are_refused(tmp_path: Path) -> None:
    for options, word in ((("--epochs", 3), "--epochs"), (("--mirror",), "--mirror"), (("--model", "mlp"), "--model")):
        result = run_command("fmnist-train", "--recipe", "mlp", *options, "-o", tmp_path / "o")
        assert_fails(result, 2, f"--recipe mlp decides {word} already")
    assert_fails(run_command("fmnist-train", "--recipe", "resnet"), 2, "resnet")
    assert not (tmp_path / "o").exists()


@pytest.mark.slow
def test_a_recipe_is_repeated_and_what_is_there_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "with a blank"
    first = run_command("fmnist-train", "--recipe", "mlp", "-o", folder)
    assert first.returncode == 0, first.stderr
    record = json.loads((folder / "mlp" / "training.json").read_text())
    assert record["settings"]["validation"] == 0
    assert f"1 of 1: {record['command']} -o '{folder / 'mlp'}'" in first.stdout
    again = run_command("fmnist-train", "--recipe", "mlp", "-o", folder)
    assert again.stdout.strip() == f"1 of 1: {folder / 'mlp' / 'model.keras'} is there, by this recipe"


def test_the_recorded_command_is_what_a_shell_takes() -> None:
    settings = Settings(model="my models/net.py:build", teacher=("a b.keras", "c'd.keras"), start="e$f.keras")
    words = shlex.split(settings.options())
    assert words == settings.arguments()
    assert words[:2] == ["--model", "my models/net.py:build"]
    assert [words[at + 1] for at, word in enumerate(words) if word == "--teacher"] == ["a b.keras", "c'd.keras"]
    assert "'my models/net.py:build'" in settings.options()
