"""What a shell completes for arguments that name files or models: docs/cli.md says how to switch it on.

click's `Choice` and `Path` complete by themselves; these functions are for arguments that may be a name or a file.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist_runtime.model.shipped import SHIPPED

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def complete_files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Leave the completion to the shell, which completes file names."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def names_or_files(names: Iterable[str]) -> Completer:
    """A completion by `names`, and by files.

    bash completes files only where no name matches. So where names match, the files and folders that match are listed
    beside them, and the shell completes files where none does.
    """
    known = tuple(names)

    def complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        matching = [name for name in known if name.startswith(incomplete)]
        if not matching:
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(name) for name in (*matching, *_entries(incomplete))]

    return complete


complete_model = names_or_files(SHIPPED)


def _entries(prefix: str) -> list[str]:
    """The files and folders of the working directory whose names begin with `prefix`; hidden ones only for a dot."""
    return sorted(
        f"{path.name}/" if path.is_dir() else path.name
        for path in Path().iterdir()
        if path.name.startswith(prefix) and path.name.startswith(".") == prefix.startswith(".")
    )
