"""Recipes: for each model that people ask for, the chain of trainings that ends in it. As data, recipes.json.

A training has the name of its output folder. It may start from other trainings of the table, and learn from them; those
come before it. What the table does not state are the default settings of the model (settings.py). docs/models.md tells
how the recipes were chosen. Imports no Keras.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from fmnist_train.models.settings import TrainingSettings, settings_for

_FILE = Path(__file__).with_name("recipes.json")
MODEL_FILE = "model.keras"
# What people ask for; the other trainings are steps on the way to these.
NAMES = ("mlp", "cnn-nano", "cnn-micro", "cnn-small", "cnn-large")


def trainings() -> dict[str, TrainingSettings]:
    """The settings of each training by its name; `teacher` and `start` are names of other trainings."""
    stated: dict[str, dict[str, Any]] = json.loads(_FILE.read_text())
    return {
        name: settings_for(**{**options, "teacher": tuple(options.get("teacher", ()))})
        for name, options in stated.items()
    }


def order(name: str) -> list[str]:
    """The trainings that the recipe `name` needs, in order: each behind those that it needs, `name` last."""
    table, names = trainings(), list[str]()

    def add(training: str) -> None:
        settings = table[training]
        for other in (*settings.teacher, *((settings.start,) if settings.start else ())):
            add(other)
        if training not in names:
            names.append(training)

    add(name)
    return names


def settings_in(name: str, folder: Path) -> TrainingSettings:
    """The settings of the training `name`, with paths of teachers and start below `folder`."""
    settings = trainings()[name]

    def path(training: str) -> str:
        return str(folder / training / MODEL_FILE)

    return replace(
        settings,
        teacher=tuple(path(training) for training in settings.teacher),
        start=path(settings.start) if settings.start else "",
    )
