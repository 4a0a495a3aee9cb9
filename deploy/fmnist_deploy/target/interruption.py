"""Ctrl-C, a closed terminal and a termination end the installer in one way: as an exception, which clears up."""

import signal
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption(KeyboardInterrupt):
    """The process got `signal_number`."""

    def __init__(self, signal_number: int):
        super().__init__(signal_number)
        self.signal_number = signal_number


def raise_on_signals() -> None:
    """Turn the signals into Interruption, but for one that the caller, such as nohup, has switched off."""
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise)


def ignore_signals() -> None:
    """Let them pass from now on: what is under way must be done to its end."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def exit_code(error: KeyboardInterrupt) -> int:
    """What a shell reports of a program that the signal ended: 128 and its number."""
    return 128 + getattr(error, "signal_number", signal.SIGINT)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    raise Interruption(number)
