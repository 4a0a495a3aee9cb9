"""Forks of a process that holds locked objects: no fork happens while one of them is in use.

A fork copies the memory, but of the threads only the one that forks. LiteRT holds a mutex of its own during a call. In
the child nobody would ever release it. So a fork waits until no registered object is in the middle of a call.

This module does not decide what an object does after the fork: each has its own `_after_fork`.
"""

import os
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class Forkable(Protocol):
        """An object whose calls hold `_lock`; `_after_fork` is called in the child and must make a new lock."""

        _lock: threading.Lock

        def _after_fork(self) -> None: ...


_OBJECTS: "weakref.WeakSet[Forkable]" = weakref.WeakSet()
_HELD: dict[int, list[threading.Lock]] = {}
_KEPT: list[object] = []
_TIMEOUT_SECONDS = 10


def register(forkable: "Forkable") -> None:
    """Make every fork wait until no call of `forkable` is running, as long as `forkable` exists."""
    _OBJECTS.add(forkable)


def keep_forever(*values: object) -> None:
    """Never destroy `values` in this process, such as an interpreter that would wait for threads of the parent."""
    _KEPT.extend(values)


def _before_fork() -> None:
    held = _HELD[threading.get_ident()] = []
    for lock in [forkable._lock for forkable in list(_OBJECTS)]:
        # With a timeout: a signal handler that forks in the middle of its own thread's call would wait for itself.
        if lock.acquire(timeout=_TIMEOUT_SECONDS):
            held.append(lock)


def _after_fork_in_parent() -> None:
    for lock in _HELD.pop(threading.get_ident(), []):
        lock.release()


def _after_fork_in_child() -> None:
    _HELD.clear()
    for forkable in list(_OBJECTS):
        forkable._after_fork()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
