"""The document as tables of Markdown, for docs/devices.md and the terminal."""

from typing import Any

_HEAD = ("userland", "processor", "boards", "runtime")
_MACHINE_HEAD = ("userland", "processor", "illegal instructions", "peak MiB", "over bare Python", "import and load")


def markdown(document: dict[str, Any]) -> str:
    """Tables of answers and machines with a row for each cell, the two runtimes, cells that were not run, the rules."""
    ran = [cell for cell in document["cells"] if cell["not_run"] is None]
    models = document["models"]
    rows = [(*_where(cell), *(_model(cell, name) for name in models)) for cell in ran]
    parts = [
        f"{document['images']:,} test images a model. For each: agreement with Keras, then the difference from x86-64 "
        f"on the same runtime: answers, and the largest difference of an output.",
        _table((*_HEAD, *models), rows),
        _near(ran),
        _table(_MACHINE_HEAD, [_machine(cell) for cell in ran]),
        "Memory and seconds of an emulated cell include the emulator's own; its seconds say nothing about a board.",
        *(_between(entry) for entry in document["between_runtimes"]),
        *(f"Not run: {cell['cell']}: {cell['not_run']}." for cell in document["cells"] if cell["not_run"]),
        *(_rule(rule) for rule in document["rules"] if ran),
        *([] if document["emulated_cells"] else ["Nothing was proved on ARM: no emulated cell could be run."]),
    ]
    return "\n\n".join(parts) + "\n"


def _where(cell: dict[str, Any]) -> tuple[str, ...]:
    return f"{cell['userland']}, Python {cell['python']}", cell["cpu"], cell["boards"], str(cell["runtime"])


def _model(cell: dict[str, Any], name: str) -> str:
    entry = cell["models"].get(name)
    if entry is None:
        return "no outputs"
    agreement = f"{entry['agreement_with_keras']:.4f}"
    other = entry["compared_with_x86_64"]
    if not cell["emulated"]:
        return f"{agreement}; the reference"
    if other is None:
        return f"{agreement}; not compared"
    turned = f"{other['turned']} answers differ"
    if other["identical"]:
        return f"{agreement}; {turned}; byte-identical"
    if entry["output"] == "float32":
        return f"{agreement}; {turned}; {other['largest']:.1e}"
    return f"{agreement}; {turned}; {_steps(other['largest'])} on {other['differing']:,} images"


def _near(ran: list[dict[str, Any]]) -> str:
    """The sentence on margins: how many outputs are so near that their difference could change the answer."""
    compared = [entry["compared_with_x86_64"] for cell in ran if cell["emulated"] for entry in cell["models"].values()]
    near = sum(other["near"] for other in compared if other)
    differing = sum(other["differing"] for other in compared if other)
    return (
        f"Of the {differing:,} outputs that differ in all emulated cells together, {near:,} have their two "
        f"highest numbers so near that their own difference could change the answer (a margin of at most twice it)."
    )


def _machine(cell: dict[str, Any]) -> tuple[str, ...]:
    where, start = _where(cell)[:2], cell["start"]
    illegal = str(len(cell["illegal_instructions"]) or "none")
    if start is None:
        return (*where, illegal, "?", "?", "?")
    peak, bare = start["peak_kib"] / 1024, start["bare_python_kib"] / 1024
    emulated = ", emulated" if cell["emulated"] else ""
    return (*where, illegal, f"{peak:.0f}", f"{peak - bare:+.0f}", f"{start['import_seconds']:.2f} s{emulated}")


def _between(entry: dict[str, Any]) -> str:
    first, second = entry["runtimes"]
    largest = entry["largest"]
    unit = _steps(largest) if largest and float(largest).is_integer() else f"{largest:.1e}"
    return (
        f"{entry['model']}, {second} beside {first} on x86-64: {entry['turned']} answers differ, outputs on "
        f"{entry['differing']:,} images, by at most {unit}; {entry['near']:,} are near enough to change."
    )


def _rule(rule: dict[str, Any]) -> str:
    return f"holds: {rule['rule']}" if rule["passed"] else f"BROKEN: {rule['rule']}: {'; '.join(rule['broken'])}"


def _steps(count: float) -> str:
    return f"{count:.0f} step{'' if count == 1 else 's'}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
