"""The workers that train one model together, as TF_CONFIG names them, and the wait until all can be reached.

TF_CONFIG is tf.distribute's own convention, a JSON document in the environment of each worker:

    {"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}

Imports no tensorflow, so that a wrong TF_CONFIG is reported at once, and a worker that never starts is named.
"""

import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fmnist_runtime.errors import TrainingError

CHOICES = ("auto", "none", "mirrored", "multi-worker")
VARIABLE = "TF_CONFIG"
WAIT_SECONDS = 300

_EXAMPLE = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'
_ALTERNATIVE = "or give --distribute none to train alone"
_TRAINING_TASKS = ("chief", "worker")
_SECONDS_BETWEEN_LINES = 10
_SECONDS_BETWEEN_TRIES = 0.2
_SECONDS_TO_CONNECT = 1


@dataclass(frozen=True)
class Cluster:
    """The addresses of all workers, "host:port", the chief's first, and the index of this process among them."""

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes the files and shows the progress."""
        return self.index == 0

    @property
    def others(self) -> tuple[int, ...]:
        """The indices of the other workers."""
        return tuple(index for index in range(len(self.addresses)) if index != self.index)


def read(environment: Mapping[str, str]) -> Cluster | None:
    """The cluster of TF_CONFIG in `environment`; None where it is not set, or empty.

    Raises TrainingError where it is not JSON, names no workers, or does not name this process among them.
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        document = json.loads(text)
    except ValueError as error:
        raise TrainingError(f"{VARIABLE} is not JSON ({error}); set it like {_EXAMPLE}, {_ALTERNATIVE}") from error
    jobs = _jobs(document)
    addresses = tuple(address for job in _TRAINING_TASKS for address in jobs.get(job, []))
    if not addresses:
        raise TrainingError(f"{VARIABLE} names no workers; set it like {_EXAMPLE}, {_ALTERNATIVE}")
    for address in addresses:
        split_address(address)
    twice = sorted({address for address in addresses if addresses.count(address) > 1})
    if twice:
        raise TrainingError(f"{VARIABLE} names {twice[0]} twice; give each worker an address of its own")
    return Cluster(addresses, _index(document, jobs))


def select(name: str, environment: Mapping[str, str]) -> Cluster | None:
    """The cluster for `--distribute NAME`, None for a training in one process.

    "auto" means "multi-worker" where TF_CONFIG names more than one worker, as in other programs built on tf.distribute,
    and else "none". Raises TrainingError as `read` does, and for "multi-worker" without TF_CONFIG.
    """
    if name not in ("auto", "multi-worker"):
        return None
    cluster = read(environment)
    if name == "multi-worker" and cluster is None:
        raise TrainingError(f"--distribute multi-worker without {VARIABLE}; set it on each worker, like {_EXAMPLE}")
    if name == "auto" and cluster is not None and not cluster.others:
        return None
    return cluster


def split_address(address: str) -> tuple[str, int]:
    """Host and port of "host:port"; TrainingError for anything else."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise TrainingError(f"{VARIABLE} has the address {address!r}, expected host:port such as 192.168.1.10:2222")
    return host.strip("[]"), int(port)


def wait(cluster: Cluster, seconds: float, say: Callable[[str], None]) -> None:
    """Wait until every other worker of `cluster` can be reached; meanwhile listen, and `say` who is missing.

    TensorFlow itself waits without a message and without end. Raises TrainingError after `seconds`, or where the port
    of this worker is taken.
    """
    started = time.monotonic()
    last_line = started - _SECONDS_BETWEEN_LINES + 1  # the first line after a second: workers seldom start at once
    missing = cluster.others
    with _listening(cluster):
        while True:
            missing = tuple(index for index in missing if not _is_reachable(cluster.addresses[index]))
            if not missing:
                return
            now = time.monotonic()
            names = ", ".join(f"worker {index} at {cluster.addresses[index]}" for index in missing)
            if now - started > seconds:
                raise TrainingError(
                    f"worker {cluster.index} waited {seconds:g} s for {names}; start every worker of {VARIABLE}, each "
                    f"with its own index, on addresses that all can reach"
                )
            if now - last_line >= _SECONDS_BETWEEN_LINES:
                last_line = now
                say(f"worker {cluster.index} is waiting for {names}")
            time.sleep(_SECONDS_BETWEEN_TRIES)


def _jobs(document: Any) -> dict[str, list[str]]:
    jobs = document.get("cluster") if isinstance(document, dict) else None
    if not isinstance(jobs, dict) or not jobs:
        raise TrainingError(f"{VARIABLE} has no cluster; set it like {_EXAMPLE}, {_ALTERNATIVE}")
    for job, addresses in jobs.items():
        if not isinstance(addresses, list) or not all(isinstance(address, str) for address in addresses):
            raise TrainingError(f"{VARIABLE}: the cluster's {job!r} is not a list of addresses; set it like {_EXAMPLE}")
    if len(jobs.get("chief", [])) > 1:
        raise TrainingError(
            f"{VARIABLE} names {len(jobs['chief'])} chiefs, expected at most one; make the rest workers"
        )
    return jobs


def _index(document: dict[str, Any], jobs: dict[str, list[str]]) -> int:
    """The position of this process among the chief and the workers."""
    task = document.get("task")
    if not isinstance(task, dict) or "type" not in task or "index" not in task:
        raise TrainingError(f"{VARIABLE} does not say which worker this is; set it like {_EXAMPLE}")
    job, index = task["type"], task["index"]
    if job not in _TRAINING_TASKS or job not in jobs:
        known = " or ".join(repr(name) for name in _TRAINING_TASKS if name in jobs)
        raise TrainingError(
            f"{VARIABLE}: this process is a {job!r}, expected {known}; start fmnist-train for these tasks only"
        )
    # Some schedulers write the index as a string; TensorFlow takes that too.
    try:
        number = int(index)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number < len(jobs[job]):
        raise TrainingError(
            f"{VARIABLE}: this process is {job} {index}, but the cluster has {len(jobs[job])} of them, 0 to "
            f"{len(jobs[job]) - 1}; set task.index to one of these"
        )
    return number + (len(jobs.get("chief", [])) if job == "worker" else 0)


def _listening(cluster: Cluster) -> socket.socket:
    address = cluster.addresses[cluster.index]
    try:
        return socket.create_server(("", split_address(address)[1]), backlog=len(cluster.addresses))
    except OSError as error:
        raise TrainingError(
            f"worker {cluster.index} cannot listen at {address} ({error.strerror}); end the program that uses the "
            f"port, or give the worker another one in {VARIABLE}, the same on all workers"
        ) from error


def _is_reachable(address: str) -> bool:
    try:
        socket.create_connection(split_address(address), timeout=_SECONDS_TO_CONNECT).close()
    except OSError:
        return False
    return True
