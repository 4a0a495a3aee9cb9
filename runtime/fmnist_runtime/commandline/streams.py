"""Standard output and standard error that are closed, full, or left by the program that read them."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast


def prepare_streams() -> None:
    """Open standard error where it was closed, and make both streams escape what they cannot encode."""
    if sys.stderr is None:
        # Descriptor 2 may be free, and the next file that is opened would receive what libraries print there.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        sys.stderr = os.fdopen(2, "w", closefd=False)
    # For a file name or a terminal that is not UTF-8: print what can't be encoded as \x.. instead of failing.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def surviving_closed_pipes(*, stdout: bool) -> Iterator[None]:
    """Drop what is written to standard error, and with `stdout` to standard output, after its reader went away."""
    out, err = sys.stdout, sys.stderr
    if stdout:
        sys.stdout = cast(TextIO, _PipeStream(out))
    sys.stderr = cast(TextIO, _PipeStream(err))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


def discard_output(stream: TextIO) -> None:
    """Write nothing more to `stream`, also not at exit: what is still in its buffers is dropped."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


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


class _PipeStream:
    """A text stream whose reader may go away: what is written after that is dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            discard_output(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            discard_output(self._stream)
