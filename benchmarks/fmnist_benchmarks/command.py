"""fmnist-benchmark: how fast a model answers on this machine, so that the figure can be trusted. On the device."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist_runtime.commandline import (
    FILE,
    INTERRUPTED,
    Command,
    backend_option,
    pixel_options,
    quiet_stderr,
    say,
    say_json,
    warn,
)
from fmnist_runtime.model.shipped import SHIPPED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fmnist_benchmarks.output.comparison import Change
    from fmnist_runtime.images.pixel_range import PixelRange


def _threads(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        numbers = tuple(dict.fromkeys(int(number) for number in value.split(",")))
    except ValueError:
        numbers = (0,)
    if min(numbers) < 1:
        raise click.BadParameter(f"{value!r}, expected numbers from 1 on such as 1,2,4")
    return numbers


@click.command("fmnist-benchmark", cls=Command, epilog=f"Shipped models: {', '.join(SHIPPED)}.")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--runs", type=click.IntRange(min=1), default=6000, show_default=True, help="Images for each MODEL.")
@click.option(
    "--processes", type=click.IntRange(min=1), default=6, show_default=True, help="Fresh processes to spread them over."
)
@click.option("--warm-up", type=click.IntRange(min=1), default=200, show_default=True, help="Images before that.")
@click.option("--threads", callback=_threads, default="1", show_default=True, help="Interpreter threads: 1,2,4.")
@pixel_options
@backend_option
@click.option("--golden", type=FILE, metavar="FILE", help="Images of this golden file.  [default: beside MODEL]")
@click.option("--data", "data_folder", type=FILE, metavar="DIR", help="The 10,000 test images in this folder instead.")
@click.option("--plot", type=FILE, metavar="FILE.png", help="Draw the distribution and latency over time.")
@click.option("--compare", "baseline_file", type=FILE, metavar="BASELINE.json", help="Exit 1 if anything got worse.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.10,
    show_default=True,
    help="The share by which a median of another day may differ.",
)
@click.option("--verdict", "asks_verdict", is_flag=True, help="Float32 against int8, in one sentence.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
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
    """Measure each MODEL, a .tflite file or a shipped model's name: the bare invoke, and the way from pixels to answer.

    One image at a time, after a warm-up, in fresh processes; models and threads take turns at blocks of images, so that
    a machine which slows down slows all of them. What makes a result doubtful is said in words.

    The JSON document is also a baseline: with --compare, a figure is worse where its processes lie above those of the
    baseline by more than chance, and its median by more than the tolerance (three times of it for p90, p99, the start).
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
    """Raise now, before the measurement, where the figure cannot be drawn or written."""
    from fmnist_benchmarks.output import plotting
    from fmnist_runtime.system.atomic import write_atomically

    if path.suffix.lower() != ".png":
        raise click.UsageError(f"Invalid value for '--plot': {path} is not a .png")
    plotting.pyplot()
    if not path.exists():
        write_atomically(path, b"")
        path.unlink()


def _images(model: Path, golden: Path | None, data: Path | None) -> "tuple[NDArray[np.uint8], dict[str, Any]]":
    """The images to classify, (N, 28, 28) uint8, and their source, number and digest."""
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
        say_json(document, indent=1)
        return
    say(report.render(document))
    for line in report.render_changes(changes):
        say(line)


if __name__ == "__main__":
    main()
