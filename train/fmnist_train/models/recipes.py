"""The trainings that the shipped models are made by, as data: trainings.json. Imports no Keras.

A model is called as its folder. What it starts from and learns from are other models of the same table, which are
trained before it; everything that is not stated is the recipe of `--model`. docs/models.md says how they were chosen.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from fmnist_train.models.recipes import Settings, recipe

_FILE = Path(__file__).with_name("trainings.json")
MODEL_FILE = "model.keras"
# What people ask for; the others are on the way to them.
NAMES = ("mlp", "cnn-nano", "cnn-micro", "cnn-small", "cnn-large")


def table() -> dict[str, Settings]:
    """The settings of each training by its name; `teacher` and `start` are names of others."""
    rounds: dict[str, dict[str, Any]] = json.loads(_FILE.read_text())
    return {
        name: recipe(**{**options, "teacher": tuple(options.get("teacher", ()))}) for name, options in rounds.items()
    }


def needed(name: str) -> list[str]:
    """The trainings that `name` needs, itself the last, each behind those that it needs."""
    rounds, order = table(), list[str]()

    def add(one: str) -> None:
        settings = rounds[one]
        for other in (*settings.teacher, *((settings.start,) if settings.start else ())):
            add(other)
        if one not in order:
            order.append(one)

    add(name)
    return order


def settings_in(name: str, folder: Path) -> Settings:
    """The settings of `name`, whose teachers and start are in folders of their names in `folder`."""
    settings = table()[name]

    def path(one: str) -> str:
        return str(folder / one / MODEL_FILE)

    return replace(
        settings,
        teacher=tuple(path(one) for one in settings.teacher),
        start=path(settings.start) if settings.start else "",
    )
