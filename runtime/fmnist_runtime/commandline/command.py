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
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from fmnist_runtime.errors import FmnistError, Interruption, PixelRangeError

if TYPE_CHECKING:
    from fmnist_runtime.images.pixel_range import PixelRange

FILE = click.Path(path_type=Path)
# 128 + SIGINT, what a shell reports of a program that Ctrl-C ended.
INTERRUPTED = 130
# A path has at most 4,096 bytes; a name in a model file may have more.
_LONGEST = 6000

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
            help="What the pixels 0 and 255 stand for, such as 0..255 or -1..1, where nothing with the model says it.",
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
    from fmnist_runtime.images import pixel_range

    try:
        if pixels is not None:
            return pixel_range.parse(pixels)
        return None if mean is None or std is None else pixel_range.standardized(mean, std)
    except PixelRangeError as error:
        raise click.UsageError(str(error)) from error


class ReaderGone(Exception):  # noqa: N818  # no error: whoever read the output (such as `head`) has what it wanted
    """Standard output is a pipe that nobody reads any more."""


class Command(click.Command):
    """A click command that ends with one line on standard error where something is wrong.

    Exit code 2 for a usage error, 130 for an interruption (Ctrl-C), 1 for another FmnistError, a full disk or a closed
    standard output; never a traceback for these. A reader that goes away (`| head -1`) is no error: what is left of the
    output goes nowhere, the work is done, and the exit code is what it would have been.
    """

    # False where the output is the work, answers to any number of images: such a command ends with its reader.
    outlives_its_reader = True

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
        _open_streams()
        try:
            if sys.stdout is None:
                raise FmnistError("standard output is closed, so no answer can be given; redirect it to a file")
            with _outlasting_readers(stdout=self.outlives_its_reader):
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
        except (ReaderGone, BrokenPipeError):
            abandon_output(sys.stdout)
            sys.exit(0)
        except OSError as error:
            # What could not be written is still in a buffer, and Python would try again at exit.
            place = error.filename or "output"
            self._fail(
                f"{place}: {error.strerror or error}; check the path, its rights and the disk",
                1,
                abandon=not error.filename,
            )
        sys.exit(code if isinstance(code, int) else 0)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """As click does; a reader that goes away while --help is written is a ReaderGone."""
        with _noticing_readers():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does; a reader that goes away is a ReaderGone, of which click would make exit code 1."""
        with _noticing_readers():
            return super().invoke(ctx)

    def _fail(self, message: str, code: int, *, abandon: bool = False) -> None:
        try:
            warn(f"{self.name}: {message}")
        except OSError:  # the reader went away, or the disk is full: the exit code is all that is left to say
            abandon_output(sys.stderr)
        if abandon:
            abandon_output(sys.stdout)
        sys.exit(code)


class StreamingCommand(Command):
    """A command that answers as long as somebody reads: it ends with its reader, exit code 0."""

    outlives_its_reader = False


@contextlib.contextmanager
def _noticing_readers() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error


class _Outlasting:
    """A stream for text whose reader may go away: what is written from then on goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            abandon_output(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            abandon_output(self._stream)


@contextlib.contextmanager
def _outlasting_readers(*, stdout: bool) -> Iterator[None]:
    """Let standard error, and with `stdout` standard output, outlast whoever reads them."""
    out, err = sys.stdout, sys.stderr
    if stdout:
        sys.stdout = cast(TextIO, _Outlasting(out))
    sys.stderr = cast(TextIO, _Outlasting(err))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


def abandon_output(stream: TextIO) -> None:
    """Write nothing more to `stream`, not at exit either: what is still in its buffers goes nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def _open_streams() -> None:
    """Give standard error a place to go where it was closed, and let both streams print what they cannot encode."""
    if sys.stderr is None:
        # Its number may be free, and the next file that is opened would get what libraries print there.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        sys.stderr = os.fdopen(2, "w", closefd=False)
    # A name that is not UTF-8, or a terminal that isn't: print what can't be encoded as \x.. and don't fail.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    """`text` with all that a terminal might act on (escape sequences, changes of direction) as \\x1b, \\u202e, ..."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def say(text: str, *, err: bool = False) -> None:
    """Print `text`, of one or more lines, on standard output; what it quotes from files may hold anything."""
    click.echo("\n".join(map(printable, text.split("\n"))), err=err)


def warn(message: str) -> None:
    """Print `message` on standard error as one line, a very long one cut."""
    line = printable(" ".join(message.split()))
    click.echo(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…", err=True)


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
