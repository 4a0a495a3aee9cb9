"""What every fmnist-* command shares: one line for an error, exit codes 0, 1, 2 and 130, JSON on standard output.

Imports click and nothing heavier, so that `--help` answers at once.
"""

import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist_runtime.errors import FmnistError, Interruption, PixelRangeError

if TYPE_CHECKING:
    from fmnist_runtime.pixel_range import PixelRange

FILE = click.Path(path_type=Path)
# 128 + SIGINT, what a shell reports of a program that Ctrl-C ended.
INTERRUPTED = 130

backend_option = click.option(
    "--backend",
    type=click.Choice(["auto", "tflite-runtime", "litert"]),
    default="auto",
    show_default=True,
    help="The interpreter; auto takes the first that runs.",
)


def pixel_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --pixels, --mean and --std: its argument `pixels` is the PixelRange that they state, or None."""

    @functools.wraps(function)
    def with_range(*arguments: Any, pixels: str | None, mean: float | None, std: float | None, **options: Any) -> Any:
        return function(*arguments, pixels=_stated_range(pixels, mean, std), **options)

    options = (
        click.option(
            "--pixels",
            metavar="LOW..HIGH",
            help="What the pixels 0 and 255 stand for, such as 0..255 or -1..1, where the model's file doesn't say.",
        ),
        click.option("--mean", type=float, metavar="M", help="With --std, pixels are (pixel / 255 - M) / S instead."),
        click.option("--std", type=float, metavar="S", help="See --mean."),
    )
    for option in reversed(options):
        with_range = option(with_range)
    return with_range


def _stated_range(pixels: str | None, mean: float | None, std: float | None) -> "PixelRange | None":
    """The range that the options state, None where none is given. Raises click.UsageError."""
    if (mean is None) != (std is None):
        raise click.UsageError("--mean and --std belong together; give both, or --pixels LOW..HIGH")
    if pixels is not None and mean is not None:
        raise click.UsageError("--pixels and --mean say the same thing; give one of them")
    from fmnist_runtime import pixel_range

    try:
        if pixels is not None:
            return pixel_range.parse(pixels)
        return None if mean is None or std is None else pixel_range.standardized(mean, std)
    except PixelRangeError as error:
        raise click.UsageError(str(error)) from error


class Command(click.Command):
    """A click command that ends with one line on standard error where something is wrong.

    Exit code 2 for a usage error, 130 for an interruption (Ctrl-C), 1 for another FmnistError or a full disk; never a
    traceback for these.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command and exit; with standalone_mode=False, return or raise as click does."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except click.UsageError as error:
            self._fail(f"{error.format_message()} ({self.name} --help lists what there is)", 2)
        except Interruption as error:
            self._fail(str(error), INTERRUPTED)
        except FmnistError as error:
            self._fail(str(error), 1)
        except click.ClickException as error:
            self._fail(error.format_message(), 1)
        except (click.Abort, KeyboardInterrupt):
            self._fail("interrupted", INTERRUPTED)
        except BrokenPipeError:
            # The reader (such as `head`) has what it wanted; nothing more may be written, not at exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except OSError as error:
            self._fail(f"{error.filename or 'output'}: {error.strerror}; check the path, its rights and the disk", 1)
        sys.exit(code if isinstance(code, int) else 0)

    def _fail(self, message: str, code: int) -> None:
        warn(f"{self.name}: {message}")
        sys.exit(code)


def warn(message: str) -> None:
    """Print `message` on standard error as one line."""
    click.echo(" ".join(message.split()), err=True)


def say_json(document: Any, *, indent: int | None = None) -> None:
    """Print one JSON document on standard output; without `indent`, one line."""
    click.echo(json.dumps(document, indent=indent))


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what C++ libraries print on standard error (such as "INFO: Created delegate") off the terminal.

    Redirects the file descriptor, so it is for single-threaded commands and not for the library.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(null)
        os.close(saved)
