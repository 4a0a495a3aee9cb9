"""The result of the matrix as one JSON document, with the rules and whether they hold."""

import itertools
import math
from dataclasses import asdict
from typing import Any

from fmnist_deploy.devices import compare
from fmnist_deploy.devices.cell_run import CellResult, Model

# Fully connected layers in int8 turned 2 of 10,000 answers between the runtimes, none between processors.
IMAGES_FOR_EACH_TURN = 2000
# Convolutions in int8 are rounded otherwise by other kernels, NEON's among them, and near ties turn: 20 and 21 of
# 10,000 between the runtimes, 4 and 6 between x86-64 and ARM on tflite-runtime (docs/devices.md).
_CONVOLUTIONS_IMAGES_FOR_EACH_TURN = 500
# A sample of images has more such ties or fewer; this is how seldom chance alone may break the rule.
_CHANCE = 0.001


def build(observed: list[CellResult], models: list[Model], images: int) -> dict[str, Any]:
    """The document: `cells`, `rules`, `between_runtimes`, `passed`, and `complete` where no cell was left out.

    `passed` with 0 `emulated_cells` says nothing: no rule was checked on ARM.
    """
    references = _references(observed)
    cells = [_cell(one, references, models, images) for one in observed]
    between = _between(references, models)
    rules = _rules(cells, between, [model.name for model in models])
    return {
        "images": images,
        "models": [model.name for model in models],
        "cells": cells,
        "between_runtimes": between,
        "rules": rules,
        "emulated_cells": sum(one.not_run is None and one.cell.userland is not None for one in observed),
        "passed": all(rule["passed"] for rule in rules),
        "complete": all(one.not_run is None for one in observed),
    }


def _references(observed: list[CellResult]) -> dict[str, CellResult]:
    """By runtime and version, the cell of this machine itself."""
    return {one.runtime: one for one in observed if one.runtime and one.cell.userland is None and one.outputs}


def _cell(one: CellResult, references: dict[str, CellResult], models: list[Model], images: int) -> dict[str, Any]:
    board = (one.doctor or {}).get("board", {})
    return {
        "cell": one.cell.name,
        "userland": one.cell.userland.name if one.cell.userland else "x86-64",
        "python": ".".join(map(str, one.cell.board.python)),
        "cpu": one.cell.cpu,
        "boards": one.cell.boards,
        "emulated": one.cell.userland is not None,
        "not_run": one.not_run,
        "runtime": one.runtime,
        "features": board.get("features", []),
        "illegal_instructions": one.illegal,
        "problems": one.problems,
        "labels": one.labels,
        "start": one.start,
        "models": {
            model.name: _model(one, references.get(one.runtime or ""), model, images)
            for model in models
            if model.name in one.outputs
        },
    }


def _model(one: CellResult, reference: CellResult | None, model: Model, images: int) -> dict[str, Any]:
    outputs = one.outputs[model.name]
    verified = one.verify.get(model.name)
    entry: dict[str, Any] = {
        "output": str(outputs.dtype),
        "images": len(outputs),
        "agreement_with_keras": compare.agreement(outputs, model.keras(images)),
        "verified": bool(verified and verified["passed"]),
        "compared_with_x86_64": None,
    }
    if reference and model.name in reference.outputs:
        compared = compare.compare(outputs, reference.outputs[model.name])
        allowed = by_chance(len(outputs)) if model.convolves_in_integers else 0
        entry["compared_with_x86_64"] = {"identical": compared.identical, "allowed": allowed, **asdict(compared)}
    return entry


def _between(references: dict[str, CellResult], models: list[Model]) -> list[dict[str, Any]]:
    """The two runtimes on x86-64 beside each other."""
    found = []
    names = list(references)
    for model in models:
        for first, second in itertools.pairwise(names):
            pair = references[first].outputs.get(model.name), references[second].outputs.get(model.name)
            if pair[0] is not None and pair[1] is not None:
                compared = compare.compare(pair[1], pair[0])
                facts = {"model": model.name, "output": str(pair[0].dtype), "runtimes": [first, second]}
                found.append({**facts, "allowed": _allowed(model, pair[0]), **asdict(compared)})
    return found


def _allowed(model: Model, outputs: compare.Outputs) -> int:
    """On how many images the two runtimes may answer otherwise: on none where all is computed in floats.

    Integers the runtimes' kernels round differently inside, which was measured to move an int8 output by up to 10 of
    255 steps.
    """
    if model.convolves_in_integers:
        return by_chance(len(outputs))
    return 0 if outputs.dtype.kind == "f" else max(1, len(outputs) // IMAGES_FOR_EACH_TURN)


def by_chance(images: int) -> int:
    """How many of `images` may turn with convolutions in int8: at a rate of 1 in 500, more come once in 1,000 times.

    The number of rare events in a sample is Poisson's.
    """
    mean = images / _CONVOLUTIONS_IMAGES_FOR_EACH_TURN
    count, term = 0, math.exp(-mean)
    reached = term
    while reached < 1 - _CHANCE:
        count += 1
        term *= mean / count
        reached += term
    return count


def _rules(cells: list[dict[str, Any]], between: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    ran = [cell for cell in cells if cell["not_run"] is None]
    labels = {source: {cell["labels"].get(source) for cell in ran} for cell in ran for source in cell["labels"]}
    compared = [
        (cell, name, entry, entry["compared_with_x86_64"]) for cell in ran for name, entry in cell["models"].items()
    ]
    broken = {
        "every command succeeds in every cell": [
            f"{cell['cell']}: {problem}" for cell in ran for problem in cell["problems"]
        ],
        "every model runs in every cell": [
            f"{cell['cell']}: {name}" for cell in ran for name in names if name not in cell["models"]
        ],
        "no illegal instruction": [f"{cell['cell']}: {what}" for cell in ran for what in cell["illegal_instructions"]],
        "fmnist-verify passes": [
            f"{cell['cell']}: {name}" for cell, name, entry, _ in compared if not entry["verified"]
        ],
        "fmnist-classify says the same everywhere": [
            f"{source}: {', '.join(sorted(map(str, said)))}" for source, said in labels.items() if len(said) > 1
        ],
        "every cell has its like on x86-64": [
            f"{cell['cell']}: {name} on {cell['runtime']}" for cell, name, _, other in compared if other is None
        ],
        "tflite-runtime: integer outputs are byte-identical to x86-64's": [
            f"{cell['cell']}: {name} differs on {other['differing']} of {other['images']} images"
            for cell, name, entry, other in compared
            if other
            and entry["output"] != "float32"
            and str(cell["runtime"]).startswith("tflite-runtime")
            and not other["identical"]
        ],
        "every answer is the one of x86-64 (with convolutions in int8: but for some 1 in 500)": [
            f"{cell['cell']}: {name} on {other['turned']} images, {other['allowed']} may"
            for cell, name, _, other in compared
            if other and other["turned"] > other["allowed"]
        ],
        "both runtimes answer the same (integer outputs: but for 1 in 2,000; convolutions in int8: some 1 in 500)": [
            f"{entry['model']}: {' and '.join(entry['runtimes'])} on {entry['turned']} images"
            for entry in between
            if entry["turned"] > entry["allowed"]
        ],
    }
    return [{"rule": rule, "passed": not found, "broken": found} for rule, found in broken.items()]
