"""The results of fmnist-benchmark as text for people, at most WIDTH columns wide."""

import textwrap
from typing import TYPE_CHECKING, Any

from fmnist_benchmarks.measure import machine
from fmnist_runtime.inference.interpreters import BACKENDS

if TYPE_CHECKING:
    from fmnist_benchmarks.output.comparison import Change

WIDTH = 80


def render(document: dict[str, Any]) -> str:
    """The machine, a table for each result, and the verdict where there is one."""
    facts, settings = document["machine"], document["settings"]
    processes = "1 fresh process" if document["rounds"] == 1 else f"{document['rounds']} fresh processes"
    lines = [
        *_wrapped(machine.title(facts)),
        *_wrapped(f"{_conditions(facts)}; reading the clock costs {facts['clock_ns']:.0f} ns"),
        *_wrapped(f"energy: {facts['energy']}"),
        *_wrapped(
            f"{document['images']['source']}, one at a time; {processes} for each model, in turns, "
            f"{settings['warm_up']} images to warm up"
        ),
        "",
    ]
    for result in document["results"]:
        lines += _result(result)
    if "verdict" in document:
        lines += _wrapped(document["verdict"])
    return "\n".join(lines).rstrip()


def render_changes(changes: "list[Change]") -> list[str]:
    """The lines of a table with each compared figure."""
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
        *_wrapped(
            f"{result['model']} ({result['precision']}, {result['bytes']:,} bytes, SHA-256 {result['sha256'][:12]}) "
            f"on {BACKENDS[result['runtime']][0]} {result['version']}, {threads}, {result['runs']:,} images"
        ),
        f"{'us':<9}{'p50':>9}{'95 % interval':>21}{'p90':>8}{'p99':>8}{'max':>9}{'std':>8}{'drift':>8}",
    ]
    for name in ("invoke", "classify"):
        figures = result[f"{name}_us"]
        interval = f"{_number(figures['p50_low'])} to {_number(figures['p50_high'])}"
        quantiles = f"{_number(figures['p90']):>8}{_number(figures['p99']):>8}{_number(figures['max']):>9}"
        lines.append(
            f"{name:<9}{_number(figures['p50']):>9}{interval:>21}{quantiles}"
            f"{_number(figures['std']):>8}{figures['drift']:>+8.1%}"
        )
    lines += [
        *_named("stages", f"{stages} us; {result['images_per_second']:,.0f} images a second"),
        *_named(
            "start",
            f"import {result['import_us'] / 1000:.1f} ms, load {result['load_us']:,.0f} us, "
            f"first invoke {result['first_us']:,.0f} us, whole Classifier {result['ready_us']:,.0f} us; "
            f"peak memory {result['peak_rss_kib'] / 1024:.1f} MiB",
        ),
    ]
    if result["energy"]:
        energy = result["energy"]
        lines += _named("energy", f"{energy['microjoules']:,.1f} uJ an image, {energy['watts']:.2f} W")
    return [*lines, ""]


def _number(microseconds: float) -> str:
    """Two decimals, fewer from 1,000 on, so that a column never overflows."""
    return f"{microseconds:.2f}" if microseconds < 1000 else f"{microseconds:.0f}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _named(name: str, text: str) -> list[str]:
    """`text` behind `name`, in the second column of the table."""
    return textwrap.wrap(text, WIDTH, initial_indent=f"{name:<9}", subsequent_indent=" " * 9)


def _conditions(facts: dict[str, Any]) -> str:
    parts = []
    for name, unit in (("mhz", "MHz"), ("celsius", "°C")):
        before, after = facts["before"][name], facts["after"][name]
        if before is not None and after is not None:
            parts.append(f"{before:.0f} {unit} before, {after:.0f} {unit} after")
    throttled = facts["after"]["throttled"]
    parts.append(f"throttling: {'not reported' if throttled is None else ', '.join(throttled) or 'none'}")
    others = facts["other_cores"]
    parts.append(f"other processes: {'unknown' if others is None else f'{others:.2f} cores busy'}")
    return "; ".join(parts)
