"""The models that fmnist-train knows, with what was measured of each: `fmnist-train --model list`.

    python -m fmnist_train.models.catalogue FOLDER...      adds to catalogue.json what training and export left

Two things are told apart: what `--model NAME` trains by itself, and what the trainings of `--recipe NAME` end in, which
is what the package holds. No number is written by hand: those of the models in the package are read from their files,
the others come from training.json and from what the proof inside FOLDER's model-int8.tflite says of the test images.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from fmnist_runtime.commandline import warn
from fmnist_runtime.errors import FmnistError, ModelFileError, TrainingError
from fmnist_runtime.model import model_file, shipped
from fmnist_runtime.system.atomic import write_atomically
from fmnist_train.models import records, trainings
from fmnist_train.models.recipes import RECIPES, recipe

_FILE = Path(__file__).with_name("catalogue.json")
_ALONE, _RECIPES = "alone", "recipes"
_CONDITIONS = """\
accuracy: on the 10,000 test images; time: of the training, on one core of an
x86-64 server beside other work, and for a recipe that of its last training"""
# The two lines of the table's head.
_HEAD = (
    ("", "parameters"),
    ("int8", "bytes"),
    ("int8", "accuracy"),
    ("Keras", "accuracy"),
    ("", "epochs"),
    ("", "time"),
)


class Measured(NamedTuple):
    """What was measured of a trained and exported model: `seconds` of training, accuracies on the test images."""

    parameters: int
    epochs: int
    seconds: int
    int8_bytes: int
    int8_accuracy: float
    keras_accuracy: float
    agreement: float

    def cells(self) -> tuple[str, ...]:
        """As they stand in the table, below _HEAD."""
        numbers = (f"{self.parameters:,}", f"{self.int8_bytes:,}", f"{self.int8_accuracy:.4f}")
        return (*numbers, f"{self.keras_accuracy:.4f}", str(self.epochs), f"{self.seconds / 60:.1f} min")


def table() -> str:
    """Both lists of models, one a line, with size, accuracy and time, as text of at most 80 columns."""
    kept = _kept()
    alone = [(name, *_cells(kept[_ALONE].get(name))) for name in RECIPES]
    shipped_models = {name: of_package(name) for name in trainings.NAMES}
    by_recipe = [
        (name, str(len(trainings.needed(name))), *_cells(inside or kept[_RECIPES].get(name)))
        for name, inside in shipped_models.items()
    ]
    return "\n".join(
        [
            "what fmnist-train --model NAME trains by itself:",
            *_lines([*_head("model"), *alone]),
            "",
            "what fmnist-train --recipe NAME -o FOLDER ends in, after all trainings that it",
            "needs (docs/models.md):",
            *_lines([*_head("model", "trainings"), *by_recipe]),
            f"in the package: {', '.join(name for name, inside in shipped_models.items() if inside)}",
            "",
            _CONDITIONS,
        ]
    )


def of_package(name: str) -> Measured | None:
    """What the shipped model `name` says of itself; None where the package has none of that name."""
    if name not in shipped.SHIPPED:
        return None
    path = shipped.MODELS_FOLDER / shipped.SHIPPED[name]
    description = _description(path)
    try:
        training, proof = description["training"], description["proofs"][0]
        return Measured(
            training["parameters"],
            training["epochs"],
            round(training["seconds"]),
            path.stat().st_size,
            proof["accuracy"],
            proof["keras_accuracy"],
            proof["agreement"],
        )
    except (KeyError, TypeError, IndexError) as error:
        raise ModelFileError(f"{path}: does not say how it was trained ({error}); run make shipped-models") from error


def entry(folder: Path) -> tuple[str, str, Measured]:
    """Of the model that was trained and exported in `folder`: "alone" or "recipes", its name, what was measured.

    Raises TrainingError for a record that is damaged, or of a training that is neither.
    """
    path = folder / "training.json"
    what_to_do = "train the model again"
    try:
        record = records.read(path, what_to_do)
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: no such file; {what_to_do}") from error
    tflite = folder / "model-int8.tflite"
    proofs = _description(tflite).get("proofs")
    try:
        kind, name = _kind(record["settings"], folder.resolve().name)
        proof = proofs[0]  # type: ignore[index]  # whatever it is: below
        seconds = round(sum(record["seconds"]))
        return (
            kind,
            name,
            Measured(
                record["parameters"],
                record["settings"]["epochs"],
                seconds,
                tflite.stat().st_size,
                proof["accuracy"],
                proof["keras_accuracy"],
                proof["agreement"],
            ),
        )
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error
    except Exception as error:  # whatever somebody wrote there
        raise TrainingError(f"{path}: not as fmnist-train writes it ({records.line(error)}); {what_to_do}") from error


def _kind(settings: dict[str, Any], folder: str) -> tuple[str, str]:
    """Whether a training by `settings` in a folder of that name was one by itself or the last of a recipe."""
    model = settings["model"]
    if settings == _as_json(asdict(recipe(model))) and model in RECIPES:
        return _ALONE, model
    last = trainings.table().get(folder)
    if last and folder in trainings.NAMES:
        stated = {
            **settings,
            "teacher": [_folder(one) for one in settings["teacher"]],
            "start": _folder(settings["start"]),
        }
        if stated == _as_json(asdict(last)):
            return _RECIPES, folder
    raise TrainingError(
        f"trained by other options than fmnist-train --model {model} has by itself, or --recipe {folder}; give the "
        f"folder of one of these"
    )


def _folder(path: str) -> str:
    return Path(path).parent.name if path else ""


def _as_json(settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, "teacher": list(settings["teacher"])}


def _kept() -> dict[str, dict[str, Measured]]:
    document = json.loads(_FILE.read_text())
    return {kind: {name: Measured(**one) for name, one in document[kind].items()} for kind in (_ALONE, _RECIPES)}


def _head(*names: str) -> list[tuple[str, ...]]:
    """Both lines of the head of a table whose first columns are `names`."""
    first, second = zip(*_HEAD, strict=True)
    return [("",) * len(names) + first, names + second]


def _cells(measured: Measured | None) -> tuple[str, ...]:
    return measured.cells() if measured else ("not measured", *[""] * (len(_HEAD) - 1))


def _lines(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _description(path: Path) -> dict[str, Any]:
    description = model_file.read(path).description
    if description is None:
        raise ModelFileError(f"{path}: without a description, expected a file of fmnist-export; export the model again")
    return description


def main() -> int:
    """Add what the folders named on the command line hold to catalogue.json."""
    kept = _kept()
    try:
        for folder in sys.argv[1:]:
            kind, name, measured = entry(Path(folder))
            kept[kind][name] = measured
    except FmnistError as error:
        warn(str(error))
        return 1
    document = {kind: {name: one._asdict() for name, one in models.items()} for kind, models in kept.items()}
    write_atomically(_FILE, (json.dumps(document, indent=1) + "\n").encode())
    print(table())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
