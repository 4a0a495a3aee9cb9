"""One connection to the socket: the client's frames go to fmnist-classify --raw, and a client that stalls is closed.

systemd starts this program for each connection, with the connection as standard input and output. The number of clients
is limited, so a client that sends half a frame and waits, sends nothing, or takes no answers must give its place back.
Nothing heavy is imported before the first frame is complete: a client that stalls costs a bare Python and no model.
"""

import argparse
import contextlib
import io
import os
import select
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fmnist_runtime.errors import ImageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

# The same as in fmnist_runtime.sources.frames, which imports numpy.
FRAME_BYTES = 784
FRAME_SECONDS = 5.0
IDLE_SECONDS = 30.0


class Connection(io.RawIOBase):
    """The stream from and to a client, with time limits.

    A frame must be complete `frame_seconds` after its first byte, and the client must take an answer within the same
    time; else ImageError. After `idle_seconds` without a byte between two frames, the client counts as gone.
    """

    def __init__(self, reading: int, writing: int, frame_seconds: float, idle_seconds: float):
        super().__init__()
        for descriptor in (reading, writing):
            os.set_blocking(descriptor, False)
        self._reading, self._writing = reading, writing
        self._frame_seconds, self._idle_seconds = frame_seconds, idle_seconds
        self._waiting = b""
        self._received = 0
        self._frame_began = 0.0
        self._stalled = False

    def readable(self) -> bool:  # noqa: D102
        return True

    def writable(self) -> bool:  # noqa: D102
        return True

    def fileno(self) -> int:  # noqa: D102
        return self._writing

    def wait_for_frame(self) -> int:
        """Wait for the first frame; returns how many of its bytes came before the client ended or fell silent."""
        while len(self._waiting) < FRAME_BYTES:
            more = self._receive(FRAME_BYTES - len(self._waiting))
            self._waiting += more
            if not more:
                break
        return len(self._waiting)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """As io.RawIOBase; 0 where the client has ended or was idle for too long."""
        view = memoryview(buffer)
        content, self._waiting = self._waiting[: len(view)], self._waiting[len(view) :]
        content = content or self._receive(len(view))
        view[: len(content)] = content
        return len(content)

    def write(self, content: "ReadableBuffer") -> int:
        """As io.RawIOBase."""
        # At exit Python flushes what was not written, and would wait for the same client again.
        if self._stalled:
            return len(memoryview(content))
        end = time.monotonic() + self._frame_seconds
        while self._ready(self._writing, select.POLLOUT, end):
            with contextlib.suppress(BlockingIOError):
                return os.write(self._writing, content)
        self._stalled = True
        raise ImageError(f"the client took no answer for {self._frame_seconds:g} s; closed")

    def _receive(self, size: int) -> bytes:
        begun = self._received % FRAME_BYTES
        end = self._frame_began + self._frame_seconds if begun else time.monotonic() + self._idle_seconds
        while self._ready(self._reading, select.POLLIN, end):
            try:
                content = os.read(self._reading, size)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                return b""
            if begun + len(content) >= FRAME_BYTES or not begun:
                self._frame_began = time.monotonic()
            self._received += len(content)
            return content
        if begun:
            raise ImageError(
                f"the client sent {begun} bytes of a frame in {self._frame_seconds:g} s, expected {FRAME_BYTES}; closed"
            )
        return b""

    @staticmethod
    def _ready(descriptor: int, event: int, end: float) -> bool:
        waiting = select.poll()
        waiting.register(descriptor, event)
        return bool(waiting.poll(max(0.0, end - time.monotonic()) * 1000))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the client on standard input and output; returns the exit code, that of fmnist-classify."""
    limits, options = _parser().parse_known_args(arguments)
    connection = Connection(0, 1, limits.frame_seconds, limits.idle_seconds)
    try:
        if not connection.wait_for_frame():
            return 0
    except ImageError as error:
        print(f"fmnist-classify: {error}", file=sys.stderr)
        return 1
    sys.stdin = io.TextIOWrapper(io.BufferedReader(connection), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(connection), encoding="utf-8")
    from fmnist_runtime.commands import classify

    return int(classify.main([*options, "--raw", "--json", "-"], prog_name="fmnist-classify") or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fmnist-classify-socket",
        description="fmnist-classify --raw --json for one client of a socket. Further options are fmnist-classify's.",
    )
    seconds = {"type": float, "metavar": "SECONDS", "help": "[%(default)s]"}
    parser.add_argument("--frame-seconds", default=FRAME_SECONDS, **seconds)  # type: ignore[arg-type]
    parser.add_argument("--idle-seconds", default=IDLE_SECONDS, **seconds)  # type: ignore[arg-type]
    return parser
