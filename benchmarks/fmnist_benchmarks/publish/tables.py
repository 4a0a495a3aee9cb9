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
from fmnist_benchmarks.publish.markdown_tables import INT8_TABLES, TABLES
from fmnist_runtime.commandline import FILE, Command, warn
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system.atomic import write_atomically

PAGE = Path(__file__).parents[3] / "docs" / "benchmarks.md"
REFERENCE = record.FOLDER / "reference.json"
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


if __name__ == "__main__":
    main()
