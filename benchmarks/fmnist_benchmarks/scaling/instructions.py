"""Instructions of one inference, counted by valgrind: unlike a latency the count repeats, even on a busy machine.

    python -m fmnist_benchmarks.scaling.instructions MODEL.tflite... [--backend B]... [--json]

One process runs N inferences, another 2N; the difference of their callgrind counts is divided by N, which removes the
start. `bare` is the interpreter's own invoke(); what `index` and `classify` take beyond it is what fmnist-edge adds:
Python's instructions, numpy's and its own. Valgrind 3.19 to 3.24 don't support AVX-512, so on x86-64 the counted
kernels are those for AVX2.
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
from fmnist_runtime.inference.interpreters import BACKENDS, installed_backends
from fmnist_runtime.model.golden import read
from fmnist_runtime.model.shipped import golden_path

METHODS = ("bare", "index", "classify")
_COUNT = 200
_SECONDS = 300
_COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")
_RUN = "import sys; from fmnist_benchmarks.scaling.instructions import run; run(*sys.argv[1:])"


@click.command("fmnist_benchmarks.scaling.instructions", cls=Command)
@click.argument("models", nargs=-1, required=True, type=FILE, metavar="MODEL...")
@click.option(
    "--backend", "backends", multiple=True, type=click.Choice(list(BACKENDS)), help="[default: all installed]"
)
@click.option("--count", type=click.IntRange(min=1), default=_COUNT, show_default=True, help="Inferences, N.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(models: tuple[Path, ...], backends: tuple[str, ...], count: int, as_json: bool) -> None:
    """Count the instructions of one inference with each of MODELS."""
    facts = machine.describe()
    results = count_instructions(models, backends or installed_backends(), count)
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


def count_instructions(models: Sequence[Path], backends: Sequence[str], count: int = _COUNT) -> list[dict[str, Any]]:
    """Instructions of one inference by method, for each model and runtime. Raises FmnistError without valgrind."""
    found = []
    for model in models:
        for backend in backends:
            counts = {method: per_inference(method, model, backend, count) for method in METHODS}
            version_ = interpreters.version(backend)
            found.append({"model": model.name, "runtime": backend, "version": version_, "instructions": counts})
    return found


def per_inference(method: str, model: Path, backend: str, count: int = _COUNT) -> int:
    """The instructions of one inference; `method` is one of METHODS."""
    with ThreadPoolExecutor() as pool:  # the two processes may run side by side: time is not counted
        fewer, more = pool.map(lambda times: _collected(method, model, backend, times), (count, 2 * count))
    return round((more - fewer) / count)


def version() -> str:
    """Such as "valgrind-3.19.0". Raises FmnistError where there is none."""
    program = shutil.which("valgrind")
    if program is None:
        raise FmnistError("valgrind is not installed; install your system's package valgrind")
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def run(method: str, model: str, backend: str, count: str) -> None:
    """The program whose instructions are counted: `count` inferences on golden images."""
    images = list(read(golden_path()).images[:50])
    repeated = [images[number % len(images)] for number in range(int(count))]
    if method == "bare":
        from fmnist_runtime.model import model_file

        interpreter, _ = selection.build(model_file.read(Path(model)).flatbuffer, backend)
        invoke = interpreter.invoke
        for _ in repeated:
            invoke()
        return
    from fmnist_runtime import Classifier

    ask = getattr(Classifier(model, backend=backend), method)
    for image in repeated:
        ask(image)


def _collected(method: str, model: Path, backend: str, count: int) -> int:
    version()
    # The same hashes and no writing of .pyc files, so that the start is the same in both processes.
    variables = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(prefix="fmnist-benchmark-") as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        program = [sys.executable, "-c", _RUN, method, str(model), backend, str(count)]
        try:
            result = subprocess.run(
                [*command, *program], capture_output=True, text=True, env=variables, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise FmnistError(f"{method} of {model.name} on {backend} took over {_SECONDS} s under valgrind") from error
    collected = _COLLECTED.search(result.stderr)
    if result.returncode or not collected:
        reason = (result.stderr.strip().splitlines() or ["no reason was printed"])[-1]
        raise FmnistError(
            f"{method} of {model.name} on {backend} under valgrind ended with {result.returncode}: {reason}"
        )
    return int(collected[1])


if __name__ == "__main__":
    main()
