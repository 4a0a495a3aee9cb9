"""The models that fmnist-train knows, with what was measured of each: the table of `fmnist-train --model list`.

Two things are kept apart: what `--model NAME` trains, and what the chain of trainings of `--recipe NAME` ends in, which
is what the package ships. The numbers of shipped models come from their files, the others from catalogue.json, which
catalogue_update.py writes.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.model import model_file, shipped
from fmnist_train.models import recipes
from fmnist_train.models.settings import DEFAULTS

FILE = Path(__file__).with_name("catalogue.json")
# The keys of catalogue.json: by the option that trains a model.
BY_MODEL, BY_RECIPE = "models", "recipes"

_HEAD = ("weights", "bytes", "int8", "Keras", "epochs", "minutes")
_NOTES = (
    "runs     trainings of the recipe, the last of which epochs and minutes are of\n"
    "bytes    size of the int8 file\n"
    "int8     accuracy of the int8 file on the 10,000 test images; Keras: the model's\n"
    "minutes  training time on one core of an x86-64 server beside other work"
)


class Measurement(NamedTuple):
    """What was measured of a trained and exported model.

    `seconds` are of training, accuracies and `agreement` (of the int8 file with Keras) on the 10,000 test images.
    """

    parameters: int
    epochs: int
    seconds: int
    int8_bytes: int
    int8_accuracy: float
    keras_accuracy: float
    agreement: float


def read() -> dict[str, dict[str, Measurement]]:
    """The measurements of catalogue.json: by BY_MODEL or BY_RECIPE, then by the model's name."""
    document = json.loads(FILE.read_text())
    return {
        option: {name: Measurement(**numbers) for name, numbers in document[option].items()}
        for option in (BY_MODEL, BY_RECIPE)
    }


def table() -> str:
    """Both lists of models as text, one model a line, with size, accuracy and time."""
    measured = read()
    by_model = [("model", *_HEAD), *((name, *_cells(measured[BY_MODEL].get(name))) for name in DEFAULTS)]
    by_recipe: list[tuple[str, ...]] = [("model", "runs", *_HEAD, "shipped")]
    for name in recipes.NAMES:
        found = shipped_measurement(name)
        cells = _cells(found or measured[BY_RECIPE].get(name))
        by_recipe.append((name, str(len(recipes.order(name))), *cells, "no" if found is None else "yes"))
    return "\n".join(
        [
            "what fmnist-train --model NAME trains by itself:",
            *_lines(by_model),
            "",
            "what fmnist-train --recipe NAME ends in, after all trainings that it needs",
            "(docs/models.md):",
            *_lines(by_recipe),
            "",
            _NOTES,
        ]
    )


def shipped_measurement(name: str) -> Measurement | None:
    """What the file of the shipped model `name` states; None where the package ships no model of that name."""
    if name not in shipped.SHIPPED:
        return None
    path = shipped.MODELS_FOLDER / shipped.SHIPPED[name]
    description = read_description(path)
    try:
        training, proof = description["training"], description["proofs"][0]
        return Measurement(
            parameters=training["parameters"],
            epochs=training["epochs"],
            seconds=round(training["seconds"]),
            int8_bytes=path.stat().st_size,
            int8_accuracy=proof["accuracy"],
            keras_accuracy=proof["keras_accuracy"],
            agreement=proof["agreement"],
        )
    except (KeyError, TypeError, IndexError) as error:
        raise ModelFileError(f"{path}: does not state how it was trained ({error}); run make shipped-models") from error


def read_description(path: Path) -> dict[str, Any]:
    """The description in the model file `path`. Raises ModelFileError for a file without one."""
    description = model_file.read(path).description
    if description is None:
        raise ModelFileError(f"{path}: has no description, expected a file of fmnist-export; export the model again")
    return description


def _cells(measurement: Measurement | None) -> tuple[str, ...]:
    """The cells of a row, below _HEAD."""
    if measurement is None:
        return ("not measured", *[""] * (len(_HEAD) - 1))
    return (
        f"{measurement.parameters:,}",
        f"{measurement.int8_bytes:,}",
        f"{measurement.int8_accuracy:.4f}",
        f"{measurement.keras_accuracy:.4f}",
        str(measurement.epochs),
        f"{measurement.seconds / 60:.1f}",
    )


def _lines(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
