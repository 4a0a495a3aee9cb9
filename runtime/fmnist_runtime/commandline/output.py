"""What commands print: text without control characters, tables that fit a terminal, JSON documents."""

import json
from typing import Any

import click

from fmnist_runtime.system.terminal import printable

# The narrowest terminal that the output is made for.
WIDTH = 80
# A path has at most 4,096 bytes; a name in a model file may have more.
_LONGEST_LINE = 6000
# Stands for a blank at which no line ends; textwrap breaks lines at ASCII's blanks only.
_NO_BREAK = "\N{NO-BREAK SPACE}"


def print_text(text: str, *, err: bool = False) -> None:
    """Print `text`, of one or more lines, on standard output; text that comes from files may hold anything."""
    click.echo("\n".join(map(printable, text.split("\n"))), err=err)


def print_json(document: Any, *, indent: int | None = None) -> None:
    """Print one JSON document on standard output; without `indent`, in one line."""
    click.echo(json.dumps(document, indent=indent))


def warn(message: str) -> None:
    """Print `message` on standard error as one line; a very long one is cut."""
    line = printable(" ".join(message.split()))
    click.echo(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…", err=True)


def wrap(text: str, indent: int = 0) -> str:
    """`text` in lines of at most 80 characters, all but the first indented by `indent` blanks.

    A longer word keeps a line of its own, and so does a command after "run: ", up to the next semicolon: it can be
    copied in one piece.
    """
    import textwrap

    head, run, rest = text.partition("run: ")
    command, semicolon, tail = rest.partition(";")
    whole = command.replace(" ", _NO_BREAK) if len(command) + indent <= WIDTH else command
    lines = textwrap.wrap(
        f"{head}{run}{whole}{semicolon}{tail}",
        WIDTH,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace(_NO_BREAK, " ")
