"""docs/cli.md, made from what the commands print for --help.

    python scripts/cli_docs.py            print the page
    python scripts/cli_docs.py --check    exit code 1 if docs/cli.md is not the page

A test runs the latter, so an option cannot be missing from the page and the page cannot name one that is gone.
"""

import sys
from importlib.metadata import entry_points
from pathlib import Path

import click

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
# Each with the place where it runs, in the order in which a model passes through them.
PLACES = {
    "fmnist-train": "where you train; needs `fmnist-edge[train]`",
    "fmnist-export": "where you train; needs `fmnist-edge[train]`",
    "fmnist-verify": "on the device",
    "fmnist-classify": "on the device",
    "fmnist-doctor": "on the device",
    "fmnist-benchmark": "on the device",
    "fmnist-bundle": "on a workstation, for a device",
}
WIDTH = 80

_HEAD = """\
# The commands

<!-- Made by `python scripts/cli_docs.py >docs/cli.md` from the commands' own --help; a test holds it. -->

| command | what it does | where |
|---|---|---|
{table}

Every command has `-h`, `--help` and `--version`.

**Exit codes:** 0 done, 1 a check failed or an error (one line on standard error), 2 wrong usage, 130 interrupted. A
reader that goes away (`| head -1`) doesn't change them.

**JSON:** with `--json`, the result is one JSON document on standard output (one a line from `fmnist-classify`), and
everything else goes to standard error.

## Completion

A shell completes options, files, and the names of models, recipes, boards, targets, precisions and interpreters. Add
for each command that you use:

bash 4.4 or later, in `~/.bashrc`:

```bash
eval "$(_FMNIST_CLASSIFY_COMPLETE=bash_source fmnist-classify)"
```

zsh, in `~/.zshrc`, after `compinit`:

```zsh
eval "$(_FMNIST_CLASSIFY_COMPLETE=zsh_source fmnist-classify)"
```

fish, in a file of its own:

```fish
_FMNIST_CLASSIFY_COMPLETE=fish_source fmnist-classify >~/.config/fish/completions/fmnist-classify.fish
```

The variable is the command's name in capitals with underscores: {variables}.
Each such line starts the command once when a shell starts; to save that time, write its output to a file and source
the file.
"""


def page() -> str:
    """The whole page as Markdown."""
    commands = {name: _command(name) for name in PLACES}
    table = "\n".join(
        f"| [`{name}`](#{name}) | {_summary(command)} | {PLACES[name]} |" for name, command in commands.items()
    )
    variables = ", ".join(f"`_{name.upper().replace('-', '_')}_COMPLETE`" for name in PLACES)
    sections = [f"## {name}\n\n```text\n{_help(name, command)}\n```\n" for name, command in commands.items()]
    return "\n".join([_HEAD.format(table=table, variables=variables), *sections])


def _command(name: str) -> click.Command:
    (entry,) = entry_points(group="console_scripts", name=name)
    command = entry.load()
    assert isinstance(command, click.Command)
    return command


def _summary(command: click.Command) -> str:
    """The first paragraph of the command's help."""
    return " ".join((command.help or "").split("\n\n")[0].split())


def _help(name: str, command: click.Command) -> str:
    with click.Context(command, info_name=name, terminal_width=WIDTH, **command.context_settings) as context:
        return command.get_help(context)


def main() -> int:
    """Print the page, or with --check compare it with docs/cli.md; the exit code."""
    if sys.argv[1:] == ["--check"]:
        if PAGE.read_text() == page():
            return 0
        print(f"{PAGE} is not what the commands say; run: python scripts/cli_docs.py >docs/cli.md", file=sys.stderr)
        return 1
    print(page(), end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
