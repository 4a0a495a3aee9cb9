"""Training by a recipe (models/recipes.py): each training of its chain, in a folder of its own."""

import shlex
from dataclasses import asdict
from pathlib import Path

from fmnist_runtime.data.dataset import Dataset
from fmnist_runtime.errors import TrainingError
from fmnist_runtime.system.atomic import make_folder
from fmnist_runtime.system.digests import sha256
from fmnist_train.models import recipes, record_files
from fmnist_train.models.settings import TrainingSettings
from fmnist_train.training import checkpoint_record, loop, output_folder, workflow
from fmnist_train.training.progress import say
from fmnist_train.training.results import MODEL_FILE, RECORD_FILE


def train_recipe(name: str, dataset: Dataset, folder: Path) -> None:
    """Train `name`, one of recipes.NAMES, in `folder`/`name`, and what it needs in folders beside that.

    A model that was trained there with the same settings and files is kept. A training that was interrupted goes on.
    """
    order = recipes.order(name)
    for number, training in enumerate(order, start=1):
        output = folder / training
        settings = recipes.settings_in(training, folder)
        make_folder(output)
        with output_folder.lock(output):
            if _is_done(output, settings):
                say(f"{number} of {len(order)}: {output / MODEL_FILE} is trained already, by this recipe")
                continue
            command = shlex.join(["fmnist-train", *settings.arguments(), "-o", str(output)])
            say(f"{number} of {len(order)}: {command}")
            workflow.run(settings, dataset, output, resume=_can_resume(output, settings))


def _is_done(output: Path, settings: TrainingSettings) -> bool:
    """Whether the record in `output` states these settings and files, and the digest of the model beside it."""
    try:
        record = record_files.read(output / RECORD_FILE, "it is trained again")
        others = [*record.get("teachers", []), *([record["start"]] if "start" in record else [])]
        found = {other["model"]: other["model_sha256"] for other in others}
        return (
            record["settings"] == {**asdict(settings), "teacher": list(settings.teacher)}
            and found == loop.source_digests(settings)
            and record["model_sha256"] == sha256((output / MODEL_FILE).read_bytes())
        )
    except (TrainingError, OSError, KeyError, TypeError, AttributeError):
        return False


def _can_resume(output: Path, settings: TrainingSettings) -> bool:
    """Whether `output` holds a checkpoint of the same settings and files."""
    try:
        checkpoint = checkpoint_record.read(output)
    except TrainingError:
        return False
    return checkpoint.settings == settings and checkpoint.sources == loop.source_digests(settings)
