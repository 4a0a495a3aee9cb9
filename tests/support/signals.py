"""Signals as at a terminal, for the commands that tests interrupt."""

import signal


def heed_interrupts() -> None:
    """Take SIGINT as at a terminal, in this process and all that it starts.

    A shell ignores SIGINT in the commands that it runs in the background, and their children inherit that: a test that
    interrupts a command would wait for its end in vain.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def heed_hangups() -> None:
    """Take SIGHUP as at a terminal, which nohup ignores: the `preexec_fn` of a command that a test hangs up."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
