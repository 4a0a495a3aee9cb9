"""The stages of a cold start: what a process does from its start to its first answer, and how long each stage takes.

    python -m fmnist_benchmarks.startup.cold_stages [--backend B] [--runs N] [--plot FILE.png] [--json]

Two programs in turns: the smallest script that runs the model once, and the same with fmnist_runtime's Classifier. Both
read the same clock as the process that starts them (CLOCK_MONOTONIC, which perf_counter_ns reads on Linux), so the
start of Python itself is a stage too. Stages that do the same have the same name.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import click

from fmnist_benchmarks.measure import machine
from fmnist_runtime.commandline import FILE, Command, print_json
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference.interpreters import BACKENDS, installed_backends
from fmnist_runtime.model.shipped import model_path

SMALLEST, OURS = "smallest script", "Classifier"

_MARK = """
from time import perf_counter_ns as clock
marks = [("Python", clock())]
mark = lambda stage: marks.append((stage, clock()))
import sys
import numpy; mark("import numpy")
from {package}.interpreter import Interpreter; mark("import interpreter")
"""
_END = """
import json; print(json.dumps(marks))
"""
_PROGRAMS = {
    SMALLEST: """
interpreter = Interpreter(model_path=sys.argv[1]); mark("load")
interpreter.allocate_tensors(); mark("allocate")
interpreter.invoke(); mark("first invoke")
""",
    # Classifier() reads and checks the file, builds the interpreter, allocates and invokes, all in one stage.
    OURS: """
from fmnist_runtime.classifier import Classifier; mark("import fmnist_runtime")
classifier = Classifier(sys.argv[1], backend=sys.argv[2]); mark("load, check, allocate, first invoke")
classifier.classify(numpy.zeros((28, 28), numpy.uint8)); mark("first answer")
""",
}


@click.command("fmnist_benchmarks.startup.cold_stages", cls=Command)
@click.option("--backend", type=click.Choice(list(BACKENDS)), help="[default: the first that is installed]")
@click.option("--runs", type=click.IntRange(min=1), default=30, show_default=True)
@click.option("--plot", type=FILE, metavar="FILE.png", help="Draw the stages.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(backend: str | None, runs: int, plot: Path | None, as_json: bool) -> None:
    """Measure each stage from process start to first answer with the shipped model."""
    chosen = backend or installed_backends()[0]
    facts = machine.describe()
    results = measure(chosen, runs)
    if plot:
        _draw(results, plot, facts, chosen)
    if as_json:
        print_json({"machine": facts, "backend": chosen, "runs": runs, "results": results}, indent=1)
        return
    click.echo(f"{machine.title(facts)}\n{chosen}, {runs} runs in turns, median milliseconds")
    for result in results:
        click.echo(f"{result['program']}: {result['ms']:.1f} ms to the first answer")
        for stage in result["stages"]:
            click.echo(f"  {stage['stage']:<38}{stage['ms']:>8.2f}")


def measure(backend: str, runs: int) -> list[dict[str, Any]]:
    """The median milliseconds of each stage and of the whole, for both programs."""
    marks = _MARK.format(package=BACKENDS[backend][1])
    programs = {name: marks + program + _END for name, program in _PROGRAMS.items()}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in programs}
    for number in range(runs + 1):
        for name, program in programs.items():
            stages = _run(name, program, backend)
            if number:  # the first run of each only fills the disk cache
                found[name].append(stages)
    return [
        {
            "program": name,
            "ms": statistics.median(sum(stages.values()) for stages in those),
            "stages": [{"stage": stage, "ms": statistics.median(one[stage] for one in those)} for stage in those[0]],
        }
        for name, those in found.items()
    ]


def stages_of(started: int, marks: list[tuple[str, int]]) -> dict[str, float]:
    """The milliseconds of each stage; `marks` say when each ended, `started` when the first began, in nanoseconds."""
    starts = [started, *(at for _, at in marks)]
    return {stage: (at - start) / 1e6 for (stage, at), start in zip(marks, starts, strict=False)}


def _run(name: str, program: str, backend: str) -> dict[str, float]:
    """The milliseconds of each stage, in order."""
    started = perf_counter_ns()
    command = [sys.executable, "-c", program, str(model_path(None)), backend]
    # Let Python write .pyc files: on a device, pip has compiled all modules.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    child = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    if child.returncode != 0:
        reason = (child.stderr.strip().splitlines() or ["no reason was printed"])[-1]
        raise FmnistError(f"{name} ended with {child.returncode}: {reason}")
    return stages_of(started, json.loads(child.stdout.splitlines()[-1]))


def _draw(results: list[dict[str, Any]], path: Path, facts: dict[str, Any], backend: str) -> None:
    from fmnist_benchmarks.output import plotting

    figure, axes = plotting.pyplot().subplots(figsize=(9, 2.8), layout="constrained")
    stages = list(dict.fromkeys(stage["stage"] for result in results for stage in result["stages"]))
    programs = [result["program"] for result in results]
    left = [0.0] * len(results)
    for number, name in enumerate(stages):
        durations = [sum(one["ms"] for one in result["stages"] if one["stage"] == name) for result in results]
        axes.barh(programs, durations, left=left, color=f"C{number}", label=name)
        left = [before + one for before, one in zip(left, durations, strict=True)]
    axes.set(xlabel="ms from process start")
    axes.legend(fontsize=7, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.25))
    axes.set_title(plotting.title(facts, f"on {backend}"), fontsize=7)
    plotting.save(path, figure)


if __name__ == "__main__":
    main()
