"""Training a shipped model again, and before it each model that it needs, by the recipes in models/trainings.py."""

import shlex
from dataclasses import asdict
from pathlib import Path

from fmnist_runtime.data.fashion_mnist import FashionMnist
from fmnist_runtime.errors import TrainingError
from fmnist_runtime.system.atomic import make_folder, sha256
from fmnist_train.models import records, trainings
from fmnist_train.models.recipes import Settings
from fmnist_train.training import checkpoint_record, loop, session, workplace
from fmnist_train.training.results import MODEL_FILE, RECORD_FILE


def repeat(name: str, dataset: FashionMnist, folder: Path) -> None:
    """Train `name`, a key of rounds.table(), in `folder`/`name`, and what it needs in folders beside.

    What was trained there by the same recipe from the same files is kept; what was interrupted goes on.
    """
    order = trainings.needed(name)
    for number, one in enumerate(order, start=1):
        output = folder / one
        settings = trainings.settings_in(one, folder)
        make_folder(output)
        with workplace.held(output):
            if _is_done(output, settings):
                session.say(f"{number} of {len(order)}: {output / MODEL_FILE} is there, by this recipe")
                continue
            command = shlex.join(["fmnist-train", *settings.arguments(), "-o", str(output)])
            session.say(f"{number} of {len(order)}: {command}")
            session.run(settings, dataset, output, resume=_goes_on(output, settings))


def _is_done(output: Path, settings: Settings) -> bool:
    """Whether the record in `output` is of these settings and files, and of the model beside it."""
    try:
        record = records.read(output / RECORD_FILE, "it is trained again")
        others = [*record.get("teachers", []), *([record["start"]] if "start" in record else [])]
        found = {other["model"]: other["model_sha256"] for other in others}
        return (
            record["settings"] == {**asdict(settings), "teacher": list(settings.teacher)}
            and found == loop.digests(settings)
            and record["model_sha256"] == sha256((output / MODEL_FILE).read_bytes())
        )
    except (TrainingError, OSError, KeyError, TypeError, AttributeError):
        return False


def _goes_on(output: Path, settings: Settings) -> bool:
    """Whether a checkpoint by the same settings and files is in `output`."""
    try:
        checkpoint = checkpoint_record.read(output)
    except TrainingError:
        return False
    return checkpoint.settings == settings and checkpoint.sources == loop.digests(settings)
