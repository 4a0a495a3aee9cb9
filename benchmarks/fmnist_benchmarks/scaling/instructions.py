"""Instructions for one inference, counted by valgrind: they repeat, on a busy machine too, where a latency does not.

    python -m fmnist_benchmarks.scaling.instructions MODEL.tflite... [--backend B]... [--json]

A process runs N inferences, another 2N, and the difference of what callgrind counts in them is divided by N, so that
the start drops out. `bare` is the interpreter's own invoke(); what `index` and `classify` take beyond it is what
fmnist-edge adds: Python's own instructions, numpy's and its own. Valgrind 3.19 to 3.24 know no AVX-512, so on x86-64
the kernels that are counted are those for AVX2.
Source of the method: Valgrind manual, section 6, Callgrind ("Collected" is the number of instructions executed).
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click

from fmnist_benchmarks.measure import machine
from fmnist_runtime.commandline import FILE, Command, print_json
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.inference import interpreters, selection
from fmnist_runtime.inference.interpreters import BACKENDS, installed
from fmnist_runtime.model.golden import read
from fmnist_runtime.model.shipped import golden_path

WAYS = ("bare", "index", "classify")
_COUNT = 200
_SECONDS = 300
_COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")
_RUN = "import sys; from fmnist_benchmarks.scaling.instructions import run; run(*sys.argv[1:])"


@click.command("fmnist_benchmarks.scaling.instructions", cls=Command)
@click.argument("models", nargs=-1, required=True, type=FILE, metavar="MODEL...")
@click.option("--backend", "backends", multiple=True, type=click.Choice(list(BACKENDS)), help="[default: all there]")
@click.option("--count", type=click.IntRange(min=1), default=_COUNT, show_default=True, help="N.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(models: tuple[Path, ...], backends: tuple[str, ...], count: int, as_json: bool) -> None:
    """Count the instructions of one inference with each of MODELS."""
    facts = machine.describe()
    results = count_all(models, backends or installed(), count)
    if as_json:
        print_json({"machine": facts, "valgrind": version(), "count": count, "results": results}, indent=1)
        return
    click.echo(f"{machine.title(facts)}; {version()}, {count} against {2 * count} inferences")
    click.echo(f"{'model':<26}{'runtime':<16}{'bare invoke':>12}{'index':>10}{'classify':>10}   beyond the bare invoke")
    for result in results:
        counts = result["instructions"]
        click.echo(
            f"{result['model']:<26}{result['runtime']:<16}{counts['bare']:>12,}{counts['index']:>10,}"
            f"{counts['classify']:>10,}   index {counts['index'] - counts['bare']:+,}, "
            f"classify {counts['classify'] - counts['bare']:+,}"
        )


def count_all(models: Sequence[Path], backends: Sequence[str], count: int = _COUNT) -> list[dict[str, Any]]:
    """Instructions for one inference by way, for each model and runtime. Raises FmnistError without valgrind."""
    found = []
    for model in models:
        for backend in backends:
            counts = {way: of_one(way, model, backend, count) for way in WAYS}
            version_ = interpreters.version(backend)
            found.append({"model": model.name, "runtime": backend, "version": version_, "instructions": counts})
    return found


def of_one(way: str, model: Path, backend: str, count: int = _COUNT) -> int:
    """The instructions of one inference; `way` is one of WAYS."""
    with ThreadPoolExecutor() as pool:  # the two processes side by side; a count doesn't care
        fewer, more = pool.map(lambda times: _collected(way, model, backend, times), (count, 2 * count))
    return round((more - fewer) / count)


def version() -> str:
    """Such as "valgrind-3.19.0". Raises FmnistError where there is none."""
    program = shutil.which("valgrind")
    if program is None:
        raise FmnistError("valgrind is not installed; install your system's package of that name")
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def run(way: str, model: str, backend: str, count: str) -> None:
    """What is counted: `count` inferences on golden images."""
    images = list(read(golden_path()).images[:50])
    repeated = [images[number % len(images)] for number in range(int(count))]
    if way == "bare":
        from fmnist_runtime.model import model_file

        interpreter, _ = selection.build(model_file.read(Path(model)).flatbuffer, backend)
        invoke = interpreter.invoke
        for _ in repeated:
            invoke()
        return
    from fmnist_runtime import Classifier

    ask = getattr(Classifier(model, backend=backend), way)
    for image in repeated:
        ask(image)


def _collected(way: str, model: Path, backend: str, count: int) -> int:
    version()
    # The same hashes and no writing of .pyc files: the start must be the same in both processes.
    variables = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        program = [sys.executable, "-c", _RUN, way, str(model), backend, str(count)]
        try:
            ended = subprocess.run(
                [*command, *program], capture_output=True, text=True, env=variables, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise FmnistError(f"{way} of {model.name} on {backend} took over {_SECONDS} s under valgrind") from error
    collected = _COLLECTED.search(ended.stderr)
    if ended.returncode or not collected:
        words = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise FmnistError(f"{way} of {model.name} on {backend} under valgrind ended with {ended.returncode}: {words}")
    return int(collected[1])


if __name__ == "__main__":
    main()
