"""The runtimes that a file can be exported for, and what each of them accepts: measured, in targets.json.

scripts/measure_targets.py    makes the table; a runtime more is a line there
refusals(graph, target)       what the target would refuse, each with its reason and the way out
"""

import functools
import importlib.resources
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fmnist_runtime.errors import ExportError
from fmnist_runtime.flatbuffer.graph import Graph

ALL = "all"
_DENSE = "FULLY_CONNECTED"
_OF_CLASSIFIERS = [
    "FULLY_CONNECTED",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "SOFTMAX",
    "RESHAPE",
    "QUANTIZE",
    "DEQUANTIZE",
    "MEAN",
    "MAX_POOL_2D",
    "AVERAGE_POOL_2D",
    "ADD",
    "MUL",
    "PAD",
    "LOGISTIC",
    "HARD_SWISH",
    "CONCATENATION",
    "STRIDED_SLICE",
    "PACK",
]


@dataclass(frozen=True)
class Target:
    """A runtime in one release: `operators` is the highest version that it accepts of each operator.

    `runtime` is a key of interpreters.BACKENDS; `requirements` are pip's, `pythons` the CPythons that it has a wheel
    for. Where `per_channel_dense` is false, a Dense layer with more than one scale loads and answers wrongly.
    """

    name: str
    runtime: str
    version: str
    requirements: tuple[str, ...]
    pythons: tuple[str, ...]
    per_channel_dense: bool
    current: bool
    operators: Mapping[str, int]

    def is_version(self, version: str) -> bool:
        """Whether release `version` of the runtime, such as "2.14.0", is this target."""
        return version == self.version or version.startswith(f"{self.version}.")


@functools.cache
def table() -> Mapping[str, Target]:
    """Every target that was measured, by name."""
    text = importlib.resources.files(__package__).joinpath("targets.json").read_text()
    return {
        name: Target(
            name,
            entry["runtime"],
            entry["version"],
            tuple(entry["requirements"]),
            tuple(entry["pythons"]),
            entry["per_channel_dense"],
            entry["current"],
            entry["operators"],
        )
        for name, entry in json.loads(text).items()
    }


def choose(names: Sequence[str]) -> tuple[Target, ...]:
    """The targets of `names`, "all" for those that are current; without a name the one of this Python's base install.

    Raises ExportError for an unknown name.
    """
    chosen: dict[str, Target] = {}
    for name in names or (default(),):
        if name == ALL:
            chosen.update({target.name: target for target in table().values() if target.current})
        elif name in table():
            chosen[name] = table()[name]
        else:
            raise ExportError(f"target {name!r} is unknown, expected {', '.join(table())} or {ALL}")
    return tuple(chosen.values())


def default() -> str:
    """The target that the base install has: tflite-runtime up to CPython 3.11, LiteRT from 3.12 on."""
    return "tflite-runtime-2.14" if sys.version_info < (3, 12) else "litert-2.3"


def refusals(model: Graph, target: Target) -> list[str]:
    """Why `target` would refuse `model`, or load it and answer wrongly; empty where it takes all of it."""
    found = [
        f"{target.name} takes {name} up to version {target.operators[name]}, the model has version {version}; "
        f"{_way_out(name, version)}"
        if name in target.operators
        else f"{target.name} does not have the operator {name}; {_way_out(name, version)}"
        for name, version in model.versions.items()
        if target.operators.get(name, 0) < version
    ]
    if not target.per_channel_dense and (layer := _per_channel_dense(model)):
        newer = [other.name for other in table().values() if other.per_channel_dense]
        found.append(
            f"{target.name} loads a Dense layer with a scale for each output and answers wrongly without a word, "
            f"and {layer!r} is one; export with --precision float32, or for {newer[0]} or later"
        )
    return found


def _way_out(name: str, version: int) -> str:
    takers = [target.name for target in table().values() if target.operators.get(name, 0) >= version]
    ways = [f"export for {', '.join(takers)}"] if takers else []
    # Version 12 is what a dynamic-range Dense layer with a scale for each output gets (facts, trap 3).
    ways += ["with --precision int8 or float32"] if name == _DENSE else [] if takers else ["replace the layer"]
    return " or ".join(ways)


def _per_channel_dense(model: Graph) -> str:
    """The name of a Dense layer's weights that have more than one scale; empty where there is none."""
    for operator in model.operators:
        if operator.name == _DENSE and len(model.tensors[operator.inputs[1]].scales) > 1:
            return model.tensors[operator.inputs[1]].name
    return ""


def markdown() -> str:
    """The highest version of each operator that classifiers of images use, by target, as a Markdown table."""
    head = ["operator", *table()]
    rows = [[name, *(str(target.operators.get(name, "-")) for target in table().values())] for name in _OF_CLASSIFIERS]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


if __name__ == "__main__":
    print(markdown())
