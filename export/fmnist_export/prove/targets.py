"""The runtimes that a file can be exported for, and the operators that each accepts: measured, in targets.json.

scripts/measure_targets.py        writes the table; another runtime is one more line there
incompatibilities(graph, target)  what the target would refuse, with the reason and the way out
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
_OPERATORS_OF_CLASSIFIERS = [
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
    """One release of a runtime: `operators` has the highest version of each operator that it accepts.

    `runtime` is a key of interpreters.BACKENDS; `requirements` are pip's, `pythons` are the CPython versions with a
    wheel. Where `per_channel_dense` is false, a Dense layer with more than one scale loads but gives wrong answers.
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
        """Whether release `version` of the runtime, such as "2.14.0", belongs to this target."""
        return version == self.version or version.startswith(f"{self.version}.")


@functools.cache
def all_targets() -> Mapping[str, Target]:
    """All measured targets by name."""
    text = importlib.resources.files(__package__).joinpath("targets.json").read_text()
    return {
        name: Target(
            name=name,
            runtime=entry["runtime"],
            version=entry["version"],
            requirements=tuple(entry["requirements"]),
            pythons=tuple(entry["pythons"]),
            per_channel_dense=entry["per_channel_dense"],
            current=entry["current"],
            operators=entry["operators"],
        )
        for name, entry in json.loads(text).items()
    }


def select(names: Sequence[str]) -> tuple[Target, ...]:
    """The targets called `names`; "all" selects the current ones, no name the one of this Python's base install.

    Raises ExportError for an unknown name.
    """
    selected: dict[str, Target] = {}
    for name in names or (default_name(),):
        if name == ALL:
            selected.update({target.name: target for target in all_targets().values() if target.current})
        elif name in all_targets():
            selected[name] = all_targets()[name]
        else:
            raise ExportError(f"target {name!r} is unknown, expected {', '.join(all_targets())} or {ALL}")
    return tuple(selected.values())


def default_name() -> str:
    """The target of the base install: tflite-runtime up to CPython 3.11, LiteRT from 3.12 on."""
    return "tflite-runtime-2.14" if sys.version_info < (3, 12) else "litert-2.3"


def incompatibilities(model: Graph, target: Target) -> list[str]:
    """Why `target` would refuse `model`, or load it and give wrong answers; empty where it can run all of it."""
    found = [
        f"{target.name} accepts {name} up to version {target.operators[name]}, the model has version {version}; "
        f"{_way_out(name, version)}"
        if name in target.operators
        else f"{target.name} does not have the operator {name}; {_way_out(name, version)}"
        for name, version in model.versions.items()
        if target.operators.get(name, 0) < version
    ]
    if not target.per_channel_dense and (layer := _per_channel_dense(model)):
        newer = [other.name for other in all_targets().values() if other.per_channel_dense]
        found.append(
            f"{target.name} loads a Dense layer with a scale for each output but gives wrong answers without an "
            f"error, and {layer!r} is such a layer; export with --precision float32, or for {newer[0]} or later"
        )
    return found


def _way_out(name: str, version: int) -> str:
    takers = [target.name for target in all_targets().values() if target.operators.get(name, 0) >= version]
    ways = [f"export for {', '.join(takers)}"] if takers else []
    # TensorFlow 2.17 and later writes version 12 for a dynamic-range Dense layer with a scale for each output.
    ways += ["with --precision int8 or float32"] if name == _DENSE else [] if takers else ["replace the layer"]
    return " or ".join(ways)


def _per_channel_dense(model: Graph) -> str:
    """The name of the weights of a Dense layer with more than one scale; empty where there is none."""
    for operator in model.operators:
        if operator.name == _DENSE and len(model.tensors[operator.inputs[1]].scales) > 1:
            return model.tensors[operator.inputs[1]].name
    return ""


def markdown_table() -> str:
    """The highest version of each operator that image classifiers use, by target, as a Markdown table."""
    head = ["operator", *all_targets()]
    rows = [
        [name, *(str(target.operators.get(name, "-")) for target in all_targets().values())]
        for name in _OPERATORS_OF_CLASSIFIERS
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


if __name__ == "__main__":
    print(markdown_table())
