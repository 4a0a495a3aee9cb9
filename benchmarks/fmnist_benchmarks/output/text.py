"""The document of fmnist-benchmark as text for people."""

from typing import TYPE_CHECKING, Any

from fmnist_benchmarks.measure import machine
from fmnist_runtime.commandline.output import wrap
from fmnist_runtime.inference.interpreters import BACKENDS

if TYPE_CHECKING:
    from fmnist_benchmarks.output.comparison import Change


def text(document: dict[str, Any]) -> str:
    """The machine, a table, the stages, and the verdict if the document has one; at most 80 columns."""
    facts, settings = document["machine"], document["settings"]
    lines = [
        wrap(machine.title(facts)),
        wrap(f"{_conditions(facts)}; reading the clock costs {facts['clock_ns']:.0f} ns; energy: {facts['energy']}"),
        wrap(
            f"{document['images']['source']}, one at a time; {settings['processes']} fresh processes for each, in "
            f"turns, {settings['warm_up']} images to warm up"
        ),
        "",
    ]
    for result in document["results"]:
        lines += _result(result)
    if "verdict" in document:
        lines.append(wrap(document["verdict"]))
    return "\n".join(lines).rstrip()


def changes_text(changes: "list[Change]") -> list[str]:
    """A line for each figure that was compared."""
    if not changes:
        return []
    lines = ["", f"{'against the baseline':<24}{'before':>12}{'now':>12}{'change':>9}  verdict"]
    for subject in dict.fromkeys(change.subject for change in changes):
        lines.append(subject)
        lines += [
            f"  {change.figure:<22}{change.before.middle:>12.2f}{change.after.middle:>12.2f}{change.share:>+9.1%}  "
            f"{change.verdict}"
            for change in changes
            if change.subject == subject
        ]
    return lines


def _result(result: dict[str, Any]) -> list[str]:
    threads = f"{result['threads']} thread{'s' * (result['threads'] > 1)}"
    stages = ", ".join(f"{name} {value:.2f}" for name, value in result["stages_us"].items())
    lines = [
        wrap(
            f"{result['model']} ({result['precision']}, {result['bytes']:,} bytes, SHA-256 {result['sha256'][:12]}) on "
            f"{BACKENDS[result['runtime']][0]} {result['version']}, {threads}, {result['runs']:,} images"
        ),
        f"{'':<10}{'p50 us':>9}{'95 % interval':>18}{'p90':>9}{'p99':>9}{'max':>9}{'std':>8}{'drift':>8}",
    ]
    for name in ("invoke", "classify"):
        figures = result[f"{name}_us"]
        interval = f"{_number(figures['p50_low'])} to {_number(figures['p50_high'])}"
        lines.append(
            f"{name:<10}{_number(figures['p50']):>9}{interval:>18}{_number(figures['p90']):>9}"
            f"{_number(figures['p99']):>9}{_number(figures['max']):>9}{_number(figures['std']):>8}"
            f"{figures['drift']:>+8.1%}"
        )
    lines += [
        wrap(f"{'stages':<10}{stages} us; {result['images_per_second']:,.0f} images a second", 10),
        wrap(
            f"{'start':<10}import {result['import_us'] / 1000:.1f} ms, load {result['load_us']:,.0f} us, "
            f"first invoke {result['first_us']:,.0f} us, whole Classifier {result['ready_us']:,.0f} us; "
            f"peak memory {result['peak_rss_kib'] / 1024:.1f} MiB",
            10,
        ),
    ]
    if result["energy"]:
        energy = result["energy"]
        lines.append(f"{'energy':<10}{energy['microjoules']:,.1f} uJ an image, {energy['watts']:.2f} W")
    return [*lines, ""]


def _number(microseconds: float) -> str:
    """With two decimals below 1,000, one below 10,000 and none above, so that a slow board's figures fit too."""
    return f"{microseconds:.{2 if microseconds < 1000 else 1 if microseconds < 10_000 else 0}f}"


def _conditions(facts: dict[str, Any]) -> str:
    parts = []
    for name, unit in (("mhz", "MHz"), ("celsius", "°C")):
        before, after = facts["before"][name], facts["after"][name]
        if before is not None and after is not None:
            parts.append(f"{before:.0f} {unit} before, {after:.0f} after")
    throttled = facts["after"]["throttled"]
    parts.append(f"throttling {'not reported' if throttled is None else ', '.join(throttled) or 'none'}")
    others = facts["other_cores"]
    parts.append(f"others kept {'?' if others is None else f'{others:.2f}'} cores busy")
    return "; ".join(parts)
