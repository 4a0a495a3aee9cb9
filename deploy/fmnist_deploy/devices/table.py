"""The document as tables of Markdown, for the README and the terminal."""

from typing import Any

_HEAD = (
    "userland", "processor", "boards", "runtime", "model", "agrees with Keras", "answers turned", "outputs differ on",
    "largest difference", "answers near enough to turn",
)  # fmt: skip
_MACHINE_HEAD = ("userland", "processor", "illegal instructions", "peak MiB", "over bare Python", "import and load")


def markdown(document: dict[str, Any]) -> str:
    """Three tables: the answers, the machine, and what was not run, with the reasons; then the rules."""
    rows = [_row(cell, name, entry) for cell in document["cells"] for name, entry in cell["models"].items()]
    machine = [_machine_row(cell) for cell in document["cells"] if cell["not_run"] is None]
    parts = [
        f"{document['images']:,} test images a model; differences are to x86-64 on the same runtime.",
        _table(_HEAD, rows),
        _table(_MACHINE_HEAD, machine),
        "Memory and seconds of an emulated cell hold the emulator's own; its seconds say nothing about a board.",
    ]
    for entry in document["between_runtimes"]:
        unit = "steps" if float(entry["largest"]).is_integer() and entry["largest"] else "in probability"
        first, second = entry["runtimes"]
        parts.append(
            f"{entry['model']}, {second} beside {first} on x86-64: {entry['turned']} answers turned, outputs differ on "
            f"{entry['differing']:,} images, by at most {entry['largest']:.2g} {unit}."
        )
    parts += [f"Not run: {cell['cell']}: {cell['not_run']}." for cell in document["cells"] if cell["not_run"]]
    for rule in document["rules"]:
        broken = f": {'; '.join(rule['broken'])}" if rule["broken"] else ""
        parts.append(f"{'holds' if rule['passed'] else 'BROKEN'}: {rule['rule']}{broken}")
    return "\n\n".join(parts) + "\n"


def _row(cell: dict[str, Any], name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    start = cell["userland"], cell["cpu"], cell["boards"], str(cell["runtime"])
    agreement = f"{entry['agreement_with_keras']:.4f}"
    other = entry["compared_with_x86_64"]
    if other is None:
        return (*start, name, agreement, *("not compared",) * 4)
    if not cell["emulated"]:
        return (*start, name, agreement, *("the reference",) * 4)
    differs = "none, byte-identical" if other["identical"] else f"{other['differing']:,} of {other['images']:,}"
    largest = f"{other['largest']:.2g}" if entry["output"] == "float32" else f"{other['largest']:.0f} steps"
    return (*start, name, agreement, str(other["turned"]), differs, largest, str(other["near"]))


def _machine_row(cell: dict[str, Any]) -> tuple[str, ...]:
    start = cell["start"]
    illegal = str(len(cell["illegal_instructions"]) or "none")
    if start is None:
        return cell["userland"], cell["cpu"], illegal, "?", "?", "?"
    peak, bare = start["peak_kib"] / 1024, start["bare_python_kib"] / 1024
    return (
        *(cell["userland"], cell["cpu"], illegal, f"{peak:.0f}", f"{peak - bare:+.0f}"),
        f"{start['import_seconds']:.2f} s{', emulated' if cell['emulated'] else ''}",
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
