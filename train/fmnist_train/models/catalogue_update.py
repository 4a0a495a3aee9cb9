"""Add what trainings and exports left to catalogue.json:

    python -m fmnist_train.models.catalogue_update FOLDER...

No number is typed by hand: they come from each folder's training.json and from the proof inside its model-int8.tflite.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fmnist_keras.messages import one_line
from fmnist_runtime.commandline import warn
from fmnist_runtime.errors import FmnistError, TrainingError
from fmnist_runtime.system.atomic import write_atomically
from fmnist_train.models import catalogue, recipes, record_files
from fmnist_train.models.catalogue import BY_MODEL, BY_RECIPE, Measurement
from fmnist_train.models.settings import DEFAULTS, settings_for

_WAY_OUT = "train the model again"


def read_folder(folder: Path) -> tuple[str, str, Measurement]:
    """Read the model that was trained and exported in `folder`: BY_MODEL or BY_RECIPE, its name, its measurement.

    Raises TrainingError for a damaged record, and for a training that is neither.
    """
    path = folder / "training.json"
    try:
        record = record_files.read(path, _WAY_OUT)
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: no such file; {_WAY_OUT}") from error
    tflite = folder / "model-int8.tflite"
    proofs = catalogue.read_description(tflite).get("proofs")
    try:
        option, name = _option(record["settings"], folder.resolve().name)
        proof = proofs[0]  # type: ignore[index]  # whatever it is: below
        measurement = Measurement(
            parameters=record["parameters"],
            epochs=record["settings"]["epochs"],
            seconds=round(sum(record["seconds"])),
            int8_bytes=tflite.stat().st_size,
            int8_accuracy=proof["accuracy"],
            keras_accuracy=proof["keras_accuracy"],
            agreement=proof["agreement"],
        )
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error
    except Exception as error:  # whatever somebody wrote there
        raise TrainingError(f"{path}: not as fmnist-train writes it ({one_line(error)}); {_WAY_OUT}") from error
    return option, name, measurement


def _option(settings: dict[str, Any], folder: str) -> tuple[str, str]:
    """Whether `settings`, in a folder of that name, are those of --model or those of the last training of a recipe."""
    model = settings["model"]
    if settings == _as_json(asdict(settings_for(model))) and model in DEFAULTS:
        return BY_MODEL, model
    last = recipes.trainings().get(folder)
    if last and folder in recipes.NAMES:
        stated = {
            **settings,
            "teacher": [_folder_name(path) for path in settings["teacher"]],
            "start": _folder_name(settings["start"]),
        }
        if stated == _as_json(asdict(last)):
            return BY_RECIPE, folder
    raise TrainingError(
        f"trained by other options than fmnist-train --model {model} has by itself, or --recipe {folder}; give the "
        f"folder of one of these"
    )


def _folder_name(path: str) -> str:
    return Path(path).parent.name if path else ""


def _as_json(settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, "teacher": list(settings["teacher"])}


def main() -> int:
    """Add the models in the folders that the command line names to catalogue.json, and print the table."""
    measured = catalogue.read()
    try:
        for folder in sys.argv[1:]:
            option, name, measurement = read_folder(Path(folder))
            measured[option][name] = measurement
    except FmnistError as error:
        warn(str(error))
        return 1
    document = {
        option: {name: measurement._asdict() for name, measurement in models.items()}
        for option, models in measured.items()
    }
    write_atomically(catalogue.FILE, (json.dumps(document, indent=1) + "\n").encode())
    print(catalogue.table())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
