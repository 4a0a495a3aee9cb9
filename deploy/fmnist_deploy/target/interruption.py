"""Ctrl-C, a closed terminal and a termination all raise the same exception in the installer, which then cleans up."""

import signal
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption(KeyboardInterrupt):
    """The process received the signal `signal_number`."""

    def __init__(self, signal_number: int):
        super().__init__(signal_number)
        self.signal_number = signal_number


def raise_on_signals() -> None:
    """Raise Interruption on the signals, except on one that the caller, such as nohup, ignores."""
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise)


def ignore_signals() -> None:
    """Ignore the signals from now on: the work that is under way must be finished."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def exit_code(error: KeyboardInterrupt) -> int:
    """The exit code that shells give a program that the signal ended: 128 plus its number."""
    return 128 + getattr(error, "signal_number", signal.SIGINT)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    raise Interruption(number)
