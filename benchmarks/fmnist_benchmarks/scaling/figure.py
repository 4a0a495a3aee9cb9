"""The figure of scaling: latency by images, model size, threads and processes, the limits dashed."""

from typing import Any

from fmnist_benchmarks.output import plotting


def draw(document: dict[str, Any]) -> Any:
    """The figure of a document of python -m fmnist_benchmarks.scaling."""
    figure, ((images, sizes), (threads, processes)) = plotting.pyplot().subplots(
        2, 2, figsize=(10, 7.4), layout="constrained"
    )
    _lines(images, document["images"], "images", "ms", "limit_ms", "C0", "classify")
    images.set(xscale="log", yscale="log", xlabel="images, one after the other (log)", ylabel="ms (log)")
    for number, precision in enumerate(("float32", "int8")):
        part = [one for one in document["sizes"] if one["precision"] == precision]
        if part:
            _lines(sizes, part, "bytes", "invoke_us", "limit_us", f"C{number}", precision)
    sizes.set(xscale="log", yscale="log", xlabel="bytes of the model (log)", ylabel="bare invoke, µs (log)")
    for number, model in enumerate(dict.fromkeys(one["model"] for one in document["threads"])):
        part = [one for one in document["threads"] if one["model"] == model]
        _lines(threads, part, "threads", "invoke_us", "limit_us", f"C{number}", model)
    threads.set(
        yscale="log",
        xlabel="threads of one interpreter",
        ylabel="bare invoke, µs (log)",
        xticks=_counts(document["threads"], "threads"),
    )
    _lines(processes, document["processes"], "processes", "images_per_second", "limit", "C0", "classify")
    processes.set(
        xlabel="processes side by side",
        ylabel="images a second",
        xticks=_counts(document["processes"], "processes"),
        ylim=(0, None),
    )
    for axes in (images, sizes, threads, processes):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.suptitle(plotting.title(document["machine"], f"on {document['backend']}; dashed: the limit"), fontsize=8)
    return figure


def _counts(part: list[dict[str, Any]], key: str) -> list[int]:
    return sorted({one[key] for one in part})


def _lines(axes: Any, part: list[dict[str, Any]], x: str, y: str, limit: str, colour: str, label: str) -> None:
    across = [one[x] for one in part]
    axes.plot(across, [one[y] for one in part], "o-", color=colour, label=label, markersize=4)
    axes.plot(across, [one[limit] for one in part], "--", color=colour, alpha=0.7)
