"""The tables of docs/benchmarks.md, written from benchmarks/results/: nothing between their markers is typed by hand.

    python -m fmnist_benchmarks.publish.tables [--check] [PAGE]

A block begins with <!-- benchmark:NAME --> and ends with <!-- /benchmark:NAME -->; NAME is a key of TABLES. --check
changes nothing and exits with 1 where a block is not what the results say. docs/int8.md has a block of INT8_TABLES.
"""

import re
from pathlib import Path
from typing import Any

import click

from fmnist_benchmarks.publish import record
from fmnist_benchmarks.quantization.ai_edge import table as ai_edge_table
from fmnist_runtime.commandline import FILE, Command, warn
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system.atomic import write_atomically

PAGE = Path(__file__).parents[3] / "docs" / "benchmarks.md"
REFERENCE = record.FOLDER / "reference.json"
AI_EDGE = record.FOLDER / "ai-edge-quantizer.json"
_BLOCK = re.compile(r"(<!-- benchmark:([\w-]+) -->\n).*?(<!-- /benchmark:\2 -->)", re.DOTALL)


@click.command("fmnist_benchmarks.publish.tables", cls=Command)
@click.argument("page", type=FILE, default=PAGE)
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 where a block is out of date.")
def main(page: Path, check: bool) -> int:
    """Write the tables of PAGE from the reference machine's results."""
    text = page.read_text(encoding="utf-8")
    written = fill(text, record.read(REFERENCE))
    if check:
        if written != text:
            warn(
                f"{page}: its tables are not those of {REFERENCE.name}; run python -m fmnist_benchmarks.publish.tables"
            )
        return int(written != text)
    if written != text:
        write_atomically(page, written.encode())
    return 0


def fill(text: str, document: dict[str, Any]) -> str:
    """`text` with the tables between its markers replaced. Raises FmnistError for a name that is not in TABLES."""

    def block(match: re.Match[str]) -> str:
        name = match[2]
        known = {**TABLES, **INT8_TABLES}
        if name not in known:
            raise FmnistError(f"the marker benchmark:{name} is unknown, expected one of {', '.join(known)}")
        return f"{match[1]}{known[name](document)}\n{match[3]}"

    return _BLOCK.sub(block, text)


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
    """What the runs themselves said against their results; a table without it would claim too much."""
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
    header = ("way", "weights", "runtime", "p50 µs", "times fmnist-edge index (95 %)", "set up")
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
    header = ("model", "runtime", "instructions of a bare invoke", "index beyond it", "classify beyond it")
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
    header = ("model", "bare invoke p50 µs", "classify p50 µs", "limit of memory or arithmetic as numpy reaches it, µs")
    return table(header, rows) + _command(document, "growth")


def _frontier(document: dict[str, Any]) -> str:
    return frontier_table.markdown(document["parts"]["frontier"]["result"]) + _command(document, "frontier")


def _seeds(_: dict[str, Any]) -> str:
    """Every model whose seeds were tried: benchmarks/results/NAME-seeds.json, documents of training/seeds.py."""
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
    return f"\n`{document['parts'][part]['command']}`"


if __name__ == "__main__":
    main()
