"""fmnist-benchmark: how fast a model answers on this machine, measured so that one can trust it. On the device."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist_runtime.commandline import (
    FILE,
    FOLDER,
    INTERRUPTED,
    Command,
    Example,
    backend_option,
    pixel_options,
    print_json,
    print_text,
    quiet_stderr,
    warn,
)
from fmnist_runtime.commandline.completion import complete_model
from fmnist_runtime.model.shipped import SHIPPED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fmnist_benchmarks.output.comparison import Change
    from fmnist_runtime.images.pixel_range import PixelRange


_EXAMPLES = (
    Example("a shipped model, with one and with two threads", "fmnist-benchmark cnn-micro --threads 1,2"),
    Example(
        "float32 against int8, in one sentence",
        "fmnist-benchmark model-float32.tflite model-int8.tflite --verdict",
    ),
    Example("keep the figures", "fmnist-benchmark model-int8.tflite --json >baseline.json"),
    Example("and compare with them later", "fmnist-benchmark model-int8.tflite --compare baseline.json"),
)


def _threads(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        numbers = tuple(dict.fromkeys(int(number) for number in value.split(",")))
    except ValueError:
        numbers = (0,)
    if min(numbers) < 1:
        raise click.BadParameter(f"{value!r}, expected numbers from 1 on such as 1,2,4")
    return numbers


@click.command("fmnist-benchmark", cls=Command, examples=_EXAMPLES, epilog=f"Shipped models: {', '.join(SHIPPED)}.")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...", shell_complete=complete_model)
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=6000,
    show_default=True,
    metavar="N",
    help="Images to classify with each MODEL.",
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    metavar="N",
    help="Fresh processes that the images are spread over.",
)
@click.option(
    "--warm-up",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    metavar="N",
    help="Images that each process classifies before it measures.",
)
@click.option(
    "--threads",
    callback=_threads,
    default="1",
    show_default=True,
    metavar="N,N...",
    help="Interpreter threads, such as 1,2,4; each number is measured.",
)
@pixel_options
@backend_option
@click.option(
    "--golden",
    type=FILE,
    metavar="FILE",
    help="Use the images of this golden file.  [default: the one beside MODEL, else the shipped one]",
)
@click.option(
    "--data", "data_folder", type=FOLDER, metavar="DIR", help="Use the 10,000 test images in this folder instead."
)
@click.option(
    "--plot",
    type=FILE,
    metavar="FILE.png",
    help="Draw the distribution and the latency over time; needs pip install 'fmnist-edge[plot]'.",
)
@click.option(
    "--compare",
    "baseline_file",
    type=FILE,
    metavar="BASELINE.json",
    help="Compare each figure with the JSON document of an earlier run; exit code 1 where one got worse.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.10,
    show_default=True,
    metavar="F",
    help="Share by which a median may differ from the baseline; three times that for p90, p99 and the start.",
)
@click.option(
    "--verdict",
    "asks_verdict",
    is_flag=True,
    help="Compare float32 with int8 in one sentence: how much smaller, how much faster, how many answers differ.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output, which --compare reads.")
def main(
    models: tuple[str, ...],
    runs: int,
    processes: int,
    warm_up: int,
    threads: tuple[int, ...],
    pixels: "PixelRange | None",
    backend: str,
    golden: Path | None,
    data_folder: Path | None,
    plot: Path | None,
    baseline_file: Path | None,
    tolerance: float,
    asks_verdict: bool,
    as_json: bool,
) -> int:
    """Measure how fast each MODEL, a .tflite file or a shipped model given by name, answers on this machine.

    Measures the bare invoke and the whole way from pixels to answer with its stages: p50 with its 95 % interval, p90,
    p99, max, standard deviation, drift, load, first invoke, peak memory.

    One image at a time, after a warm-up, in fresh processes; models and threads take turns at blocks of images, so that
    a machine that slows down slows all of them. A line names what makes a result doubtful: governor, throttling, heat,
    other processes, a host that takes time, drift.

    With --compare, a figure is worse where its processes lie above those of the baseline by more than chance, and its
    median by more than the tolerance.

    Ctrl-C ends the measurement and prints the results of the rounds that were finished.
    """
    from fmnist_benchmarks.measure import conditions, machine, measurement, subject
    from fmnist_benchmarks.measure.rounds import Settings
    from fmnist_benchmarks.output import comparison, verdict
    from fmnist_benchmarks.output.progress import ProgressLine
    from fmnist_runtime.model.shipped import model_path

    settings = Settings(max(runs, processes), processes, warm_up, backend, threads, pixels and pixels[:2])
    paths = [model_path(model) for model in models]
    if len({path.name for path in paths}) < len(paths):
        raise click.UsageError("two MODELs have the same file name, which tells results apart; rename one")
    facts = machine.describe()
    baseline = _baseline(baseline_file, facts, processes) if baseline_file else None
    if plot:
        _check_plot(plot)
    images, source = _images(paths[0], golden, data_folder)
    with quiet_stderr():
        subjects = [subject.examine(path, images, count, backend, pixels) for path in paths for count in threads]
    pair = verdict.pair(subjects) if asks_verdict else None
    for line in dict.fromkeys(line for one in subjects for line in one.notices):
        warn(line)
    too_many = conditions.thread_warning(max(threads), facts["cores"])
    if too_many:
        warn(f"warning: {too_many}")
    with ProgressLine() as progress:
        document, samples = measurement.measure(subjects, images, settings, progress)
    document["images"] = source
    if pair:
        document["verdict"] = verdict.sentence(
            pair, (samples[pair[0]], samples[pair[1]]), document["machine"], source["source"]
        )
    interrupted = document["interrupted"]
    changes = comparison.compare(baseline, document["results"], tolerance) if baseline and not interrupted else []
    if plot:
        from fmnist_benchmarks.output import plotting

        plotting.save(plot, plotting.draw(samples, document["machine"]))
    _print(document, changes, as_json)
    for words in document["warnings"]:
        if words != too_many:
            warn(f"warning: {words}")
    if interrupted:
        compared = "; not compared with the baseline" if baseline else ""
        warn(f"fmnist-benchmark: interrupted; results of {document['rounds']} of {processes} rounds{compared}")
        return INTERRUPTED
    return int(any(change.verdict == comparison.SLOWER for change in changes))


def _baseline(path: Path, facts: dict[str, Any], processes: int) -> dict[str, Any]:
    """The baseline in `path`. Raises FmnistError where this machine and `processes` cannot be compared with it."""
    from fmnist_benchmarks.output import comparison

    baseline = comparison.read_baseline(path)
    comparison.check_machine(baseline, facts)
    comparison.check_processes(baseline, processes)
    return baseline


def _check_plot(path: Path) -> None:
    """Fail before the measurement where the figure cannot be drawn or written. Raises click.UsageError, FmnistError."""
    from fmnist_benchmarks.output import plotting
    from fmnist_runtime.system.atomic import write_atomically

    if path.suffix.lower() != ".png":
        raise click.UsageError(f"Invalid value for '--plot': {path} is not a .png")
    plotting.pyplot()
    if not path.exists():
        write_atomically(path, b"")
        path.unlink()


def _images(model: Path, golden: Path | None, data: Path | None) -> "tuple[NDArray[np.uint8], dict[str, Any]]":
    """The images to classify, (N, 28, 28) uint8, and the document's entry about them."""
    from fmnist_runtime.data import fashion_mnist_files
    from fmnist_runtime.model import golden as golden_file
    from fmnist_runtime.model.shipped import golden_path
    from fmnist_runtime.system.digests import sha256

    if data:
        images = fashion_mnist_files.read_file(data, "t10k-images-idx3-ubyte")
        source = "the 10,000 test images"
    else:
        path = golden or golden_file.find(model) or golden_path()
        images = golden_file.read(path).images
        source = f"the {len(images)} hardest test images ({path.name})"
    return images, {"source": source, "count": len(images), "sha256": sha256(images.tobytes())}


def _print(document: dict[str, Any], changes: "list[Change]", as_json: bool) -> None:
    from fmnist_benchmarks.output import comparison, report

    if changes:
        document["changes"] = [comparison.as_json(change) for change in changes]
    if as_json:
        print_json(document, indent=1)
        return
    print_text(report.render(document))
    for line in report.render_changes(changes):
        print_text(line)


if __name__ == "__main__":
    main()
