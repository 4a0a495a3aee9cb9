"""The tables of results as Markdown, by name: each is made from the document of one machine (publish/record.py)."""

import json
from collections.abc import Callable
from typing import Any

from fmnist_benchmarks.frontier import tables as frontier_tables
from fmnist_benchmarks.output.markdown import table
from fmnist_benchmarks.publish import record
from fmnist_benchmarks.quantization.ai_edge import table as ai_edge_table
from fmnist_runtime.inference.interpreters import BACKENDS

AI_EDGE = record.FOLDER / "ai-edge-quantizer.json"


def _machine(document: dict[str, Any]) -> str:
    facts = document["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items() if name != "fmnist-edge")
    board = f"{facts['board']}, " if facts["board"] else ""
    return f"{board}{facts['cpu']}, {facts['cores']} cores, Python {facts['python']}, {packages}"


def _latency(document: dict[str, Any]) -> str:
    header = (
        "model, runtime, threads",
        "invoke p50 µs (95 %)",
        "classify p50",
        "p90",
        "p99",
        "load",
        "first invoke",
        "peak MiB",
    )
    rows = []
    for part in ("litert", "tflite-runtime"):
        for one in document["parts"][part]["result"]["results"]:
            invoke, classify = one["invoke_us"], one["classify_us"]
            interval = f"{invoke['p50']:.2f} ({invoke['p50_low']:.2f} to {invoke['p50_high']:.2f})"
            rows.append(
                (
                    f"{one['precision']}, {BACKENDS[one['runtime']][0]} {one['version']}, {one['threads']}",
                    interval,
                    *(f"{classify[quantile]:,.1f}" for quantile in ("p50", "p90", "p99")),
                    f"{one['load_us']:,.0f}",
                    f"{one['first_us']:,.0f}",
                    f"{one['peak_rss_kib'] / 1024:.0f}",
                )
            )
    return table(header, rows) + _doubts(document) + _command(document, "litert")


def _doubts(document: dict[str, Any]) -> str:
    """The warnings of the runs about their own results, without which the table would claim too much."""
    return "".join(
        f"\n{BACKENDS[part][0]}, doubtful: {'; '.join(warnings)}.\n"
        for part in ("litert", "tflite-runtime")
        if (warnings := document["parts"][part]["result"]["warnings"])
    )


def _verdict(document: dict[str, Any]) -> str:
    return "\n".join(f"- {document['parts'][part]['result']['verdict']}" for part in ("litert", "tflite-runtime"))


def _peers(document: dict[str, Any]) -> str:
    result = document["parts"]["peers"]["result"]
    rows = [
        (
            one["title"],
            one["precision"],
            BACKENDS[one["backend"]][0] if one["backend"] in BACKENDS else "",
            f"{one['us']['p50']:,.1f}",
            f"{one['times_ours']['middle']:,.2f} ({one['times_ours']['low']:,.2f} to {one['times_ours']['high']:,.2f})",
            one["settings"],
        )
        for one in sorted(result["results"], key=lambda one: (one["precision"], -one["us"]["p50"]))
    ]
    header = ("implementation", "weights", "runtime", "p50 µs", "times fmnist-edge index (95 %)", "settings")
    left_out = "".join(f"\nLeft out: {one['title']}: {one['reason']}.\n" for one in result["left_out"])
    return table(header, rows) + left_out + _command(document, "peers")


def _instructions(document: dict[str, Any]) -> str:
    result = document["parts"]["instructions"]["result"]
    rows = []
    for one in result["results"]:
        counts = one["instructions"]
        rows.append(
            (
                one["model"],
                f"{BACKENDS[one['runtime']][0]} {one['version']}",
                f"{counts['bare']:,}",
                f"{counts['index'] - counts['bare']:+,}",
                f"{counts['classify'] - counts['bare']:+,}",
            )
        )
    header = ("model", "runtime", "instructions of a bare invoke", "index adds", "classify adds")
    return table(header, rows) + _command(document, "instructions")


def _cold_start(document: dict[str, Any]) -> str:
    rows = []
    for one in document["parts"]["cold_stages"]["result"]["results"]:
        stages = ", ".join(f"{stage['stage']} {stage['ms']:.1f}" for stage in one["stages"])
        rows.append((one["program"], f"{one['ms']:.1f}", stages))
    return table(("program", "ms to the first answer", "stages, ms"), rows) + _command(document, "cold_stages")


def _growth(document: dict[str, Any]) -> str:
    rows = [
        (
            f"{one['bytes'] / 1000:,.0f} KB {one['precision']}",
            f"{one['invoke_us']:.1f}",
            f"{one['classify_us']:.1f}",
            f"{one['limit_us']:.2f} ({one['bound_by']})",
        )
        for one in document["parts"]["growth"]["result"]["sizes"]
    ]
    header = ("model", "bare invoke p50 µs", "classify p50 µs", "limit of memory or arithmetic with numpy, µs")
    return table(header, rows) + _command(document, "growth")


def _frontier(document: dict[str, Any]) -> str:
    return frontier_tables.markdown(document["parts"]["frontier"]["result"]) + _command(document, "frontier")


def _seeds(_: dict[str, Any]) -> str:
    """A row for each benchmarks/results/NAME-seeds.json, a document of training/seeds.py."""
    rows = []
    for path in sorted(record.FOLDER.glob("*-seeds.json")):
        one = json.loads(path.read_text())
        accuracy = one["int8_accuracy"]
        rows.append(
            (
                one["model"],
                " ".join(f"{run['int8_accuracy']:.4f}" for run in one["runs"]),
                f"{accuracy['mean']:.4f} ± {accuracy['deviation']:.4f}",
                f"{one['keras_accuracy']['mean']:.4f}",
                f"{one['agreement']['mean']:.4f}",
                one["runs"][0]["runtime"],
            )
        )
    header = (
        "model",
        "int8 accuracy by seed",
        "mean ± standard deviation",
        "Keras, mean",
        "agreement, mean",
        "runtime",
    )
    return table(header, rows) + "\n`python -m fmnist_benchmarks.training.seeds`"


def _ai_edge(_: dict[str, Any]) -> str:
    """The comparison with ai-edge-quantizer, from a document of its own."""
    return ai_edge_table.markdown(record.read(AI_EDGE))


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "machine": _machine,
    "latency": _latency,
    "verdict": _verdict,
    "peers": _peers,
    "instructions": _instructions,
    "cold-start": _cold_start,
    "growth": _growth,
    "seeds": _seeds,
    "frontier": _frontier,
}
# The tables of docs/int8.md.
INT8_TABLES: dict[str, Callable[[dict[str, Any]], str]] = {"ai-edge-quantizer": _ai_edge}


def _command(document: dict[str, Any], part: str) -> str:
    """The command that measures `part`: the recorded options, with the program as it is called today."""
    options = document["parts"][part]["command"].removeprefix("python -m ").partition(" ")[2]
    return f"\n`{record.program(part)} {options}`"
