"""The result of the matrix as one JSON document, with the rules and whether each holds."""

import itertools
import math
from dataclasses import asdict
from typing import Any

from fmnist_deploy.devices import compare
from fmnist_deploy.devices.cell_run import CellResult, Model

# Fully connected layers in int8 changed 2 of 10,000 answers between the runtimes, none between processors.
IMAGES_FOR_EACH_TURN = 2000
# Kernels, NEON's among them, round convolutions in int8 differently, which changes answers near a tie: 20 and 21 of
# 10,000 between the runtimes, 4 and 6 between x86-64 and ARM on tflite-runtime (docs/devices.md).
_CONVOLUTIONS_IMAGES_FOR_EACH_TURN = 500
# A sample holds more or fewer such ties by chance; this is the probability that chance alone breaks the rule.
_CHANCE = 0.001


def build(results: list[CellResult], models: list[Model], images: int) -> dict[str, Any]:
    """The document: `cells`, `rules`, `between_runtimes`, `passed`, and `complete`, true where every cell was run.

    `passed` means nothing with 0 `emulated_cells`: no rule was checked on ARM then.
    """
    references = _references(results)
    cells = [_cell(result, references, models, images) for result in results]
    between = _between(references, models)
    rules = _rules(cells, between, [model.name for model in models])
    return {
        "images": images,
        "models": [model.name for model in models],
        "cells": cells,
        "between_runtimes": between,
        "rules": rules,
        "emulated_cells": sum(result.not_run is None and result.cell.userland is not None for result in results),
        "passed": all(rule["passed"] for rule in rules),
        "complete": all(result.not_run is None for result in results),
    }


def _references(results: list[CellResult]) -> dict[str, CellResult]:
    """The results of this machine itself, by runtime and version."""
    return {
        result.runtime: result
        for result in results
        if result.runtime and result.cell.userland is None and result.outputs
    }


def _cell(result: CellResult, references: dict[str, CellResult], models: list[Model], images: int) -> dict[str, Any]:
    board = (result.doctor or {}).get("board", {})
    return {
        "cell": result.cell.name,
        "userland": result.cell.userland.name if result.cell.userland else "x86-64",
        "python": ".".join(map(str, result.cell.board.python)),
        "cpu": result.cell.cpu,
        "boards": result.cell.boards,
        "emulated": result.cell.userland is not None,
        "not_run": result.not_run,
        "runtime": result.runtime,
        "features": board.get("features", []),
        "illegal_instructions": result.illegal,
        "problems": result.problems,
        "labels": result.labels,
        "start": result.start,
        "models": {
            model.name: _model(result, references.get(result.runtime or ""), model, images)
            for model in models
            if model.name in result.outputs
        },
    }


def _model(result: CellResult, reference: CellResult | None, model: Model, images: int) -> dict[str, Any]:
    outputs = result.outputs[model.name]
    verified = result.verify.get(model.name)
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
    """The comparison of the two runtimes on x86-64."""
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
    """The number of images on which the answers of the two runtimes may differ: none where all is computed in floats.

    The kernels of the runtimes round integers differently, which moves an int8 output by up to 10 of 255 steps
    (measured).
    """
    if model.convolves_in_integers:
        return by_chance(len(outputs))
    return 0 if outputs.dtype.kind == "f" else max(1, len(outputs) // IMAGES_FOR_EACH_TURN)


def by_chance(images: int) -> int:
    """The number of `images` whose answer may change with convolutions in int8.

    At a rate of 1 in 500, more than that happen with a probability of 1 in 1,000 (Poisson's distribution).
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
