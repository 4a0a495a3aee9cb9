"""What every fmnist-* command is: one line for an error, exit codes, --version, examples in --help."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click

from fmnist_runtime import __version__
from fmnist_runtime.commandline import streams
from fmnist_runtime.commandline.output import warn
from fmnist_runtime.errors import FmnistError, Interruption

# 128 + SIGINT, what a shell reports for a program that Ctrl-C ended.
INTERRUPTED = 130


class Example(NamedTuple):
    """An example at the end of --help: what it does, in one line, and the command as a shell takes it."""

    purpose: str
    command: str


class PipeClosed(Exception):  # noqa: N818  # no error: the program that read the output (such as `head`) has enough
    """Standard output is a pipe that no program reads any more."""


class Command(click.Command):
    """A click command that prints one line on standard error where something is wrong.

    Exit code 2 for a usage error, 130 for an interruption (Ctrl-C), 1 for another FmnistError, a full disk or a closed
    standard output; never a traceback for these. A reader that goes away (`| head -1`) is no error: the rest of the
    output is dropped, the work is done, and the exit code is what it would have been.

    Every command has -h, --help and --version; `examples` stand at the end of --help.
    """

    # False where the output is the work, such as answers to any number of images: such a command ends with its reader.
    outlives_its_reader = True

    def __init__(self, name: str | None, *, examples: Sequence[Example] = (), **attributes: Any) -> None:
        super().__init__(name, context_settings={"help_option_names": ["-h", "--help"]}, **attributes)
        self.examples = tuple(examples)
        self.params.append(
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_print_version,
                help="Show the version and exit.",
            )
        )

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
        streams.prepare_streams()
        try:
            if sys.stdout is None:
                raise FmnistError("standard output is closed, so no answer can be given; redirect it to a file")
            with streams.surviving_closed_pipes(stdout=self.outlives_its_reader):
                code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
                sys.stdout.flush()
        except click.UsageError as error:
            self._fail(f"{error.format_message()} ({self.name} --help lists the options)", 2)
        except Interruption as error:
            self._fail(str(error), INTERRUPTED)
        except FmnistError as error:
            self._fail(str(error), 1)
        except click.ClickException as error:
            self._fail(error.format_message(), 1)
        except (click.Abort, KeyboardInterrupt):
            self._fail("interrupted", INTERRUPTED)
        except (PipeClosed, BrokenPipeError):
            streams.discard_output(sys.stdout)
            sys.exit(0)
        except OSError as error:
            # What could not be written is still in a buffer, and Python would try to write it again at exit.
            place = error.filename or "output"
            reason = f"{place}: {error.strerror or error}; check the path, its permissions and the disk"
            self._fail(reason, 1, discard_stdout=not error.filename)
        sys.exit(code if isinstance(code, int) else 0)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """As click does; a reader that goes away while --help is written raises PipeClosed."""
        with _pipe_closed():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does; a reader that goes away raises PipeClosed, which click would turn into exit code 1."""
        with _pipe_closed():
            return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog and the examples; no line of an example is wrapped."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}# {example.purpose}\n")
                    formatter.write(f"{'':{formatter.current_indent}}{example.command}\n")

    def _fail(self, message: str, code: int, *, discard_stdout: bool = False) -> None:
        try:
            warn(f"{self.name}: {message}")
        except OSError:  # the reader went away, or the disk is full: only the exit code can tell
            streams.discard_output(sys.stderr)
        if discard_stdout:
            streams.discard_output(sys.stdout)
        sys.exit(code)


class StreamingCommand(Command):
    """A command that answers as long as a program reads its output: it ends with its reader, exit code 0."""

    outlives_its_reader = False


def _print_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"{context.command.name} (fmnist-edge) {__version__}")
        context.exit()


@contextlib.contextmanager
def _pipe_closed() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise PipeClosed from error
