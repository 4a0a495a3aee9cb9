"""Write docs/messages.md: every error message of fmnist-edge, read from the source.

    python scripts/messages.py [--check]

A message is the text of an exception that the packages raise or return. A value that is filled in stands as `…`. With
--check nothing is written, and the exit code is 1 where the page is out of date.
"""

import ast
import builtins
import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "messages.md"
# Where each package lies, in the order in which a person meets them, and the commands that are built on it.
PACKAGES = {
    "runtime/fmnist_runtime": "Every command; `fmnist-classify`, `fmnist-verify` and `fmnist-doctor` use nothing else.",
    "train/fmnist_train": "`fmnist-train`",
    "keras_models/fmnist_keras": "`fmnist-train` and `fmnist-export`",
    "export/fmnist_export": "`fmnist-export`",
    "benchmarks/fmnist_benchmarks": "`fmnist-benchmark` and `python -m fmnist_benchmarks...`",
    "deploy/fmnist_deploy": "`fmnist-bundle`, the installer inside a bundle, and `make devices`",
}
GAP = "…"
_WORD = re.compile(r"[\w'.-]*[a-z][\w'.-]*")
# Fewer are a prefix for the message of another error.
_FEWEST_WORDS = 3
_HEAD = """\
# Messages

Every error message, by package and room, in the order of the alphabet. `…` stands for a value. The part after the
semicolon says what to do. [troubleshooting.md](troubleshooting.md) explains the messages that people meet most.

This page is generated: `python scripts/messages.py`. Reasons that only appear inside the brackets of another message
are left out.
"""


def main() -> int:
    """Write the page, or compare it."""
    text = page()
    if sys.argv[1:] == ["--check"]:
        return int(PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


def page() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for package, commands in PACKAGES.items():
        parts.append(f"\n## {Path(package).name}\n\n{commands}\n")
        for room in sorted({path.parent for path in _files(package)}):
            found = sorted({text for path in sorted(room.glob("*.py")) for text in messages(path)}, key=str.casefold)
            if not found:
                continue
            name = room.relative_to(ROOT / package).as_posix()
            if name != ".":
                parts.append(f"\n### {Path(package).name}.{name.replace('/', '.')}\n\n{_subject(room)}\n")
            parts.append("\n| message | what to do |\n| --- | --- |\n")
            parts += [f"| {_cell(what)} | {_cell(way_out)} |\n" for what, way_out in map(_split, found)]
    return "".join(parts)


def messages(path: Path) -> Iterator[str]:
    """The messages of the exceptions that the module at `path` raises or returns."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        call = node.exc if isinstance(node, ast.Raise) else node.value if isinstance(node, ast.Return) else None
        if not isinstance(call, ast.Call) or not call.args:
            continue
        name = ast.unparse(call.func).rpartition(".")[2]
        if name in vars(builtins) or not (isinstance(node, ast.Raise) or name.endswith("Error")):
            continue
        text = template(call.args[0])
        if text is not None and len(_WORD.findall(text)) >= _FEWEST_WORDS:
            yield text


def texts(path: Path) -> Iterator[str]:
    """Every text that stands in the module at `path`, with `…` for what is filled in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
            text = template(node)
            if text is not None:
                yield text


def template(node: ast.expr) -> str | None:
    """The text of an expression, with `…` for what is filled in; None where it holds no text of its own."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = template(node.left), template(node.right)
        return None if sides == (None, None) else "".join(GAP if side is None else side for side in sides)
    return None


def _files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def _subject(room: Path) -> str:
    return (ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _split(text: str) -> tuple[str, str]:
    """What is wrong, and what to do: behind the first semicolon that is in no brackets."""
    depth = 0
    for position, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0 and text.startswith("; ", position):
            return text[:position], text[position + 2 :]
    return text, ""


def _cell(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("*", "\\*")


if __name__ == "__main__":
    raise SystemExit(main())
